"""``scenes predict IMAGE|FOLDER|ZIP ...``: what a model says of photos.

The answers are those of the app and of data/predictions.csv. They go to stdout as they come, a few at a time, so a
large folder takes no more memory than a small one. Photos that cannot be used are named on stderr, and the exit status
is then 1.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scenes.commands import checkout
from scenes.common import runtime
from scenes.common.errors import InputError
from scenes.common.runtime import configure
from scenes.serving import answer_formats, classifier, photos
from scenes.serving import stream as serving_stream
from scenes.serving.classifier import Classifier
from scenes.serving.photos import Limits
from scenes.serving.stream import Answered

BATCH_SIZE = 32  # photos at a time through the model; bounds the memory that their activations take
# Outside a checkout, where no params.yaml says otherwise.
LIMITS = Limits(max_member_bytes=50_000_000, max_ratio=200, max_pixels=50_000_000)
THREADS = 2


def main(argv: list[str] | None = None) -> int:
    """Return the exit status."""
    arguments = _parser().parse_args(argv)
    limits, threads, unsure_below = _settings()
    sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without these characters stops no answers
    configure(seed=0, threads=threads)  # nothing is drawn here
    model = _model(arguments.model, unsure_below)

    def decode(data: bytes) -> np.ndarray:
        with runtime.muted_stderr():
            return photos.decode(data, limits)

    passed_over: list[str] = []
    found = photos.find(arguments.paths, limits, passed_over.append)
    # A progress bar would break the lines on a terminal that shows both.
    hidden = sys.stdout.isatty() or not sys.stderr.isatty()
    stream = tqdm(
        serving_stream.stream(found, decode, model.prepare, model.predict, BATCH_SIZE),
        unit=" photos",
        disable=hidden,
    )
    good, bad = _write(
        stream, _form(arguments, model), answer_formats.csv([], model, header=True) if arguments.csv else ""
    )
    if passed_over:
        print(f"passed over, as their names are not those of images: {_few(passed_over)}", file=sys.stderr)
    if bad:
        print(f"{bad:,} of {good + bad:,} could not be used", file=sys.stderr)
    return int(bad > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scenes predict",
        description="Say what photos show. Photos that cannot be used are named on stderr, and the exit status is "
        "then 1.",
        epilog="Limits and threads are those of params.yaml in a checkout of the project. Elsewhere: files of at most "
        f"{LIMITS.max_member_bytes / 1e6:.0f} MB, images of at most {LIMITS.max_pixels / 1e6:.0f} megapixels, members "
        f"of a zip that unpack to at most {LIMITS.max_ratio} times their size, {THREADS} threads.",
    )
    parser.add_argument("paths", nargs="+", metavar="IMAGE|FOLDER|ZIP", help="folders with all folders below them")
    parser.add_argument(
        "--model",
        default=checkout.PRODUCTION,
        help="a folder that holds model.keras and model.json, such as a copy of models/production; in a checkout also "
        "the name of a model in params.yaml (default: %(default)s)",
    )
    parser.add_argument(
        "--top-k", type=_positive, default=3, help="classes named for each image (default: %(default)s)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="an object a line, all scores in it")
    form.add_argument("--csv", action="store_true", help="a row an image, all scores in it, as data/predictions.csv")
    return parser


def _settings() -> tuple[Limits, int, str | None]:
    """Return the limits, the threads, and, in a checkout, which threshold makes a model unsure."""
    if not checkout.is_checkout("."):
        return LIMITS, THREADS, None
    from scenes.config.schema import check

    params = check()
    archive = params.archive
    limits = Limits(archive.max_member_bytes, archive.max_ratio, archive.max_pixels)
    return limits, params.threads, params.select.unsure_below


def _model(name: str, unsure_below: str | None) -> Classifier:
    """Return the model in a folder, or the one of that name in a checkout.

    Args:
        name: a folder, the model.keras in it, or a name.
        unsure_below: see :func:`_settings`.
    """
    path = Path(name)
    could_be_name = not (path.exists() or path.parent.name)
    if unsure_below is None and could_be_name:
        raise InputError(
            f"`--model {photos.printable(name)}` names a model of a checkout, and this folder is none; "
            "name a folder that holds model.keras and model.json"
        )
    if unsure_below is not None and (could_be_name or name in checkout.available_models(".")):
        return checkout.load(".", name, unsure_below=unsure_below)
    folder = path.parent if path.name == "model.keras" else path
    if not all((folder / part).is_file() for part in ("model.keras", "model.json")):
        raise InputError(
            f"{photos.printable(name)} is no folder that holds model.keras and model.json; "
            "name one that does, such as a copy of models/production"
        )
    return classifier.from_folder(folder)


def _positive(value: str) -> int:
    if not value.isdecimal() or int(value) == 0:
        raise argparse.ArgumentTypeError(f"{value!r} is no number of 1 or more")
    return int(value)


def _form(arguments: argparse.Namespace, model: Classifier) -> Callable[[list[Answered]], str]:
    """Return what writes some answers."""
    if arguments.csv:
        return lambda answered: answer_formats.csv(answered, model, header=False)
    line = answer_formats.json_line if arguments.json else answer_formats.text
    return lambda answered: "".join(f"{line(photo, model, arguments.top_k)}\n" for photo in answered)


def _write(stream: Iterator[Answered], form: Callable[[list[Answered]], str], head: str) -> tuple[int, int]:
    """Write answers to stdout and what went wrong to stderr, and return how many there were of each."""
    good = bad = 0
    sys.stdout.write(head)
    stream = iter(stream)
    while some := list(islice(stream, BATCH_SIZE)):
        answered = [photo for photo in some if photo.answer]
        sys.stdout.write(form(answered))
        sys.stdout.flush()
        for photo in some:
            if not photo.answer:
                tqdm.write(f"{photo.name}: {photo.sentence}", file=sys.stderr)  # above the bar
        good, bad = good + len(answered), bad + len(some) - len(answered)
    return good, bad


def _few(names: list[str]) -> str:
    return f"{', '.join(names[:3])}{f' and {len(names) - 3:,} more' if len(names) > 3 else ''}"
