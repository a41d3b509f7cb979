"""``scenes look``: what is in a folder, zip or tar of pictures, what the pipeline would do with it, at what cost.

It reads names, tables of labels and the headers of some pictures, so it answers in seconds. Nothing is written.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scenes.archive.layout import Member
from scenes.archive.summary import summary
from scenes.commands import checkout, estimates, own_settings, sample
from scenes.commands.estimates import Machine, Workload
from scenes.commands.own_settings import Settings
from scenes.commands.pictures import DEFAULT_ARCHIVE, UNREADABLE, open_pictures
from scenes.commands.sample import Sample
from scenes.common.errors import InputError
from scenes.common.words import show
from scenes.images.formats import not_read


class Options(NamedTuple):
    """The parameters that a look depends on, as in params.yaml."""

    archive: Mapping[str, Any]
    test_fraction: float
    val_fraction: float
    threads: int


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
    parser.add_argument("path", metavar="PATH", help="a folder, a zip or a tar (tar.gz, tar.bz2, tar.xz)")
    print("\n".join(look(parser.parse_args(argv).path, options()).summary))
    return 0


def options(root: str | Path = ".") -> Options:
    """Return the options of the checkout in ``root``; where there is none, those of a fresh one."""
    if not checkout.is_checkout(root):
        return Options(DEFAULT_ARCHIVE, test_fraction=0.2, val_fraction=0.1, threads=2)
    from scenes.config.schema import check

    params = check(Path(root) / "params.yaml")
    return Options(params.archive.model_dump(), params.split.test_fraction, params.split.val_fraction, params.threads)


def look(path: str | Path, options: Options) -> Look:
    """Look at a folder, zip or tar.

    Raises:
        InputError: see :func:`scenes.commands.pictures.open_pictures`.
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
    lines = [
        f"{path}: a {pictures.kind}, {_size(pictures.size)}",
        *summary(pictures.found),
        f"pictures: {_headers(headers)}",
        _plan(counts, headers, settings),
        _cost(work, settings, estimates.this_machine(options.threads)),
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
        f"{predicted}; at {size} x {size} pixels, {own_settings.why_fit(headers)}; a head on a pretrained "
        f"EfficientNet-Lite0 at {settings.backbone_image_size} pixels, and a CNN from scratch at "
        f"{settings.cnn_image_size} pixels for {settings.cnn_epochs} epochs to compare with"
    )


def _cost(work: Workload, settings: Settings, machine: Machine) -> str:
    return (
        f"cost: about {estimates.in_words(estimates.run_seconds(work, settings, machine))} on {machine.cores} cores "
        f"without a GPU, and {_size(estimates.disk_bytes(work, settings))} of disk"
    )


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 0.1):.1f} MB"
