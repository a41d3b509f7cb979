"""``scenes look``: what is in a folder, zip or tar of pictures, what the pipeline would do with it, at what cost.

It reads names, tables of labels and the headers of some pictures, so it answers in seconds. Nothing is written.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scenes.commands import checkout
from scenes.commands.argument_types import local_path
from scenes.common.errors import InputError
from scenes.common.words import show
from scenes.images.formats import not_read
from scenes.layout.layout import Member
from scenes.layout.summary import summary
from scenes.own import estimates, own_settings, sample
from scenes.own.estimates import Machine, Workload
from scenes.own.finetune import Finetuning, decide
from scenes.own.own_settings import Settings
from scenes.own.pictures import DEFAULT_ARCHIVE, UNREADABLE, open_pictures
from scenes.own.sample import Sample

FINETUNE_EPOCHS = 4  # where there is no params.yaml


class Options(NamedTuple):
    """The parameters that a look depends on, as in params.yaml."""

    archive: Mapping[str, Any]
    test_fraction: float
    val_fraction: float
    threads: int
    finetune_epochs: int


class Look(NamedTuple):
    """What was found.

    Attributes:
        summary: lines for people.
        settings: what suits these pictures.
        work: what a run would have to do.
    """

    summary: Sequence[str]
    settings: Settings
    work: Workload


def main(argv: list[str] | None = None) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        prog="scenes look",
        description="Say what is in a folder, zip or tar of pictures, what the pipeline would do with it, and about "
        "how long that takes. Nothing is written.",
    )
    parser.add_argument(
        "path", metavar="PATH", type=local_path, help="a folder, a zip or a tar (tar.gz, tar.bz2, tar.xz)"
    )
    print("\n".join(look(parser.parse_args(argv).path, options(), decide(None)).summary))
    return 0


def options(root: str | Path = ".") -> Options:
    """Return the options of the checkout in ``root``; where there is none, those of a fresh one."""
    if not checkout.is_checkout(root):
        return Options(DEFAULT_ARCHIVE, 0.2, 0.1, threads=2, finetune_epochs=FINETUNE_EPOCHS)
    from scenes.config.schema import check

    params = check(Path(root) / "params.yaml")
    own = params.profiles.get("own")
    finetuned = own.features.get("finetuned") if own else None
    return Options(
        archive=params.archive.model_dump(),
        test_fraction=params.split.test_fraction,
        val_fraction=params.split.val_fraction,
        threads=params.threads,
        finetune_epochs=finetuned.finetune.epochs if finetuned and finetuned.finetune else FINETUNE_EPOCHS,
    )


def look(path: str | Path, options: Options, finetuning: Finetuning) -> Look:
    """Look at a folder, zip or tar.

    Args:
        path: of the pictures.
        options: the parameters.
        finetuning: whether the backbone is fine-tuned.

    Raises:
        InputError: see :func:`scenes.own.pictures.open_pictures`.
    """
    with open_pictures(path, options.archive) as pictures:
        members = pictures.found.members
        headers = sample.look_at([member.path for member in members], pictures.read, UNREADABLE)
    if not headers.sizes:
        again = "" if len(headers.not_read) == len(headers.unreadable) else "; get them again"
        raise InputError(f"{path}: none of the pictures looked at can be used: {_headers(headers)}{again}")
    counts = _split_counts(members, options)
    settings = own_settings.choose(headers, counts["train"])
    work = Workload(counts["train"], len(members), headers.megapixels, pictures.size)
    machine = estimates.this_machine(options.threads)
    lines = [
        f"{path}: a {pictures.kind}, {_size(pictures.size)}",
        *summary(pictures.found),
        f"pictures: {_headers(headers)}",
        _plan(counts, headers, settings),
        *_models(work, settings, machine, options.finetune_epochs, finetuning),
        _cost(work, settings, machine, options.finetune_epochs if finetuning.enabled else 0),
    ]
    return Look(lines, settings, work)


def _split_counts(members: Sequence[Member], options: Options) -> Counter[str]:
    """Return how many pictures each split will have, roughly: whole groups of duplicates and subjects are held out."""
    counts = Counter(member.split for member in members)
    for split, fraction in (("test", options.test_fraction), ("val", options.val_fraction)):
        if not counts[split]:
            counts[split] = max(1, round(counts["train"] * fraction))
            counts["train"] -= counts[split]
    return counts


def _headers(headers: Sample) -> str:
    parts = []
    if headers.sizes:
        width, height = headers.size
        formats = ", ".join(kind for kind, _ in headers.formats.most_common())
        parts.append(f"{formats}, {width} x {height} pixels in the median of {len(headers.sizes):,} looked at")
    if headers.far_from_square:
        parts.append(f"{headers.far_from_square:.0%} far from square")
    if headers.turned:
        parts.append(f"{headers.turned:,} turned upright as their EXIF says")
    if headers.web_pages:
        looked_at = len(headers.sizes) + len(headers.unreadable)
        parts.append(f"{len(headers.web_pages):,} of {looked_at:,} are web pages, e.g. {show(headers.web_pages[0])}")
    parts += not_read(headers.not_read.values())
    if broken := sorted(set(headers.unreadable) - set(headers.web_pages) - set(headers.not_read)):
        parts.append(f"{len(broken):,} cannot be read, e.g. {show(broken[0])}")
    return "; ".join(parts)


def _plan(counts: Mapping[str, int], headers: Sample, settings: Settings) -> str:
    predicted = f", predict {counts['pred']:,}" if counts["pred"] else ""
    size = settings.image_size
    return (
        f"plan: train on about {counts['train']:,} pictures, choose by {counts['val']:,}, test on {counts['test']:,}"
        f"{predicted}; at {size} x {size} pixels, {own_settings.why_fit(headers)}"
    )


def _models(
    work: Workload, settings: Settings, machine: Machine, finetune_epochs: int, finetuning: Finetuning
) -> list[str]:
    """Return a line on each model: what it is, whether it runs, and its part of the time."""
    pixels = settings.backbone_image_size
    cnn = estimates.in_words(estimates.cnn_seconds(work, settings, machine))
    transfer = estimates.in_words(estimates.feature_seconds(work, settings, machine))
    finetuned = estimates.in_words(estimates.finetune_seconds(work, settings, machine, epochs=finetune_epochs))
    run = "run" if finetuning.enabled else "not run"
    hint = "" if finetuning.enabled else "; `make own` runs it with ARGS=--finetune"
    return [
        "models:",
        f"- baseline, a CNN from scratch at {settings.cnn_image_size} pixels for {settings.cnn_epochs} epochs, to "
        f"compare with: {cnn}",
        f"- transfer, a logistic regression on a frozen EfficientNetLite0, pretrained on ImageNet, at {pixels} pixels: "
        f"{transfer}",
        f"- finetuned, the same on that network trained on these pictures for {finetune_epochs} epochs, for classes "
        f"that look alike: {finetuned}; {run}, {finetuning.why}{hint}",
    ]


def _cost(work: Workload, settings: Settings, machine: Machine, finetune_epochs: int) -> str:
    seconds = estimates.run_seconds(work, settings, machine, finetune_epochs=finetune_epochs)
    return (
        f"cost: about {estimates.in_words(seconds)} on {machine.cores} cores without a GPU, and "
        f"{_size(estimates.disk_bytes(work, settings))} of disk"
    )


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 0.1):.1f} MB"
