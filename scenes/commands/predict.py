"""``scenes predict``: classify images, folders and zips with a trained model.

The answers are those of the app and of data/predictions.csv. They are written to stdout a few at a time, so a large
folder takes no more memory than a small one. Photos that cannot be used are named on stderr; the exit status is then 1.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, redirect_stderr
from functools import partial
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from scenes.commands import checkout
from scenes.commands.argument_types import local_path, whole_number
from scenes.common.errors import InputError
from scenes.common.files import visible
from scenes.download.source import is_drawn
from scenes.evaluation import abstention
from scenes.process.runtime import configure, muted_stderr
from scenes.serving import answer_formats, photos
from scenes.serving.classifier import Classifier, from_folder
from scenes.serving.photos import Limits, Refused
from scenes.serving.stream import Answered, answer_all

BATCH_SIZE = 32  # photos at a time through the model; bounds the memory for their activations
# Outside a checkout, where there is no params.yaml:
LIMITS = Limits(max_member_bytes=50_000_000, max_ratio=200, max_pixels=50_000_000)
THREADS = 2


def main(argv: list[str] | None = None) -> int:
    """Return the exit status: 1 if some photos could not be used."""
    arguments = _parser().parse_args(argv)
    limits, threads, unsure_below, drawn = settings()
    if isinstance(sys.stdout, io.TextIOWrapper):  # not where a test has replaced it
        sys.stdout.reconfigure(errors="backslashreplace")  # names with characters that the terminal lacks
    configure(seed=0, threads=threads)  # nothing is random here
    model = open_model(arguments.model, unsure_below, drawn=drawn)

    skipped: list[photos.Skipped] = []
    entries = photos.find(arguments.paths, limits, skipped.append)
    decode = partial(photos.decode, limits=limits)
    # A progress bar would break the lines on a terminal that shows both.
    hidden = sys.stdout.isatty() or not sys.stderr.isatty()
    if arguments.csv:
        sys.stdout.write(answer_formats.csv_rows([], model, header=True))
    with (
        _muted_libraries(),
        closing(answer_all(entries, decode, model.prepare, model.predict, BATCH_SIZE)) as answers,
    ):
        good, bad = _write(tqdm(answers, unit=" photos", disable=hidden), _formatter(arguments, model))
    if arguments.csv and good:  # the columns are those of data/predictions.csv
        if not model.calibrated:
            print("the probabilities are not calibrated", file=sys.stderr)
        if model.drawn:
            print("the model learned from drawings, not from photos", file=sys.stderr)
    if good and model.unsure_below is None:
        print(abstention.NO_PROMISE, file=sys.stderr)
    if good and model.training is None:
        print("not measured: how unlike the training images a photo is (no training_features.npy)", file=sys.stderr)
    for line in photos.skipped_in_words(skipped, shown=3):
        print(line, file=sys.stderr)
    if bad:
        print(f"{bad:,} of {good + bad:,} could not be used", file=sys.stderr)
    return int(bad > 0)


@contextmanager
def _muted_libraries() -> Iterator[None]:
    """Silence the C libraries, which write about damaged photos to file descriptor 2; ``sys.stderr`` still writes."""
    stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    with stderr, redirect_stderr(stderr), muted_stderr():
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scenes predict",
        description="Classify photos. Those that cannot be used are named on stderr; the exit status is then 1.",
        epilog="In a checkout of the project, limits and threads come from params.yaml. Elsewhere: files of at most "
        f"{LIMITS.max_member_bytes / 1e6:.0f} MB, images of at most {LIMITS.max_pixels / 1e6:.0f} megapixels, members "
        f"of a zip that unpack to at most {LIMITS.max_ratio} times their size, {THREADS} threads.",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="IMAGE|FOLDER|ZIP",
        type=local_path,
        help="images, zips, and folders with their subfolders",
    )
    parser.add_argument(
        "--model",
        type=local_path,
        default=checkout.PRODUCTION,
        help="a folder with model.keras and model.json, such as a copy of models/production; in a checkout also the "
        "name of a model in params.yaml (default: %(default)s)",
    )
    parser.add_argument(
        "--top-k", type=whole_number(1), help="classes named for each image (default: 3; with --json: all)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one object per line, with all scores")
    form.add_argument(
        "--csv", action="store_true", help="one row per image, with all scores, as in data/predictions.csv"
    )
    return parser


def settings() -> tuple[Limits, int, str | None, bool]:
    """Return the limits, the threads and, of a checkout, the threshold that makes a model unsure, and whether it draws.

    The threshold is its name, None outside a checkout. A checkout draws its images if its profile has no other source.
    """
    if not checkout.is_checkout("."):
        return LIMITS, THREADS, None, False
    from scenes.config.schema import check

    params = check()
    archive = params.archive
    limits = Limits(archive.max_member_bytes, archive.max_ratio, archive.max_pixels)
    drawn = is_drawn(params.profiles[params.profile].source)
    return limits, params.threads, params.select.unsure_below, drawn


def open_model(name: str, unsure_below: str | None, *, drawn: bool) -> Classifier:
    """Return the model in a folder or, in a checkout, the model of that name.

    Args:
        name: a folder, the model.keras in it, or a name.
        unsure_below, drawn: see :func:`settings`.

    Raises:
        InputError: there is no such model.
    """
    path = Path(name)
    may_be_name = not (path.exists() or path.parent.name)
    if unsure_below is None and may_be_name:
        raise InputError(
            f"`--model {photos.printable(name)}` names a model of a checkout, but this folder is not one; "
            f"{_which_folders(path)}"
        )
    if unsure_below is not None and (may_be_name or name in checkout.available_models(".")):
        return checkout.load(".", name, unsure_below=unsure_below, drawn=drawn)
    folder = path.parent if path.name == "model.keras" else path
    if not all((folder / part).is_file() for part in ("model.keras", "model.json")):
        raise InputError(f"{photos.printable(name)} does not hold model.keras and model.json; {_which_folders(folder)}")
    return from_folder(folder)


def _which_folders(path: Path) -> str:
    """Return the end of a message on a ``path`` without a model: which folders in it or beside it hold one."""
    if path.parent == Path("models") and path.name in checkout.available_models("."):
        return f"name the model, `--model {path.name}`"
    files = [*visible(path, "*/model.keras"), *visible(path.parent, "*/model.keras")]
    folders = sorted({str(file.parent) for file in files if file.with_name("model.json").is_file()})
    if folders:
        return f"use {photos.printable(' or '.join(folders))}"
    return "name a folder with model.keras and model.json, such as a copy of models/production"


def _formatter(arguments: argparse.Namespace, model: Classifier) -> Callable[[list[Answered]], str]:
    """Return the function that formats answers as the options ask."""
    if arguments.csv:
        return lambda answered: answer_formats.csv_rows(answered, model, header=False)
    line, top_k = (answer_formats.json_line, None) if arguments.json else (answer_formats.text_line, 3)
    return lambda answered: "".join(f"{line(photo, model, arguments.top_k or top_k)}\n" for photo in answered)


def _write(answers: Iterable[Answered | Refused], format_answers: Callable[[list[Answered]], str]) -> tuple[int, int]:
    """Write answers to stdout and reasons for refusals to stderr; return the number of each."""
    good = bad = 0
    stream: Iterator[Answered | Refused] = iter(answers)
    while batch := list(islice(stream, BATCH_SIZE)):
        answered = [photo for photo in batch if isinstance(photo, Answered)]
        sys.stdout.write(format_answers(answered))
        sys.stdout.flush()
        for photo in batch:
            if isinstance(photo, Refused):
                tqdm.write(f"{photo.name}: {photo.sentence}", file=sys.stderr)  # above the bar
        good, bad = good + len(answered), bad + len(batch) - len(answered)
    return good, bad
