"""What a model says of photos: ``python -m scenes.serving.answer_formats IMAGE|FOLDER|ZIP ...``

The answers are those of the app and of data/predictions.csv. They go to stdout as they come, a few at a time, so a
large folder takes no more memory than a small one. Photos that cannot be used are named on stderr, and the exit status
is then 1.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scenes.common import runtime
from scenes.common.errors import InputError, exit_on_input_error
from scenes.common.runtime import configure
from scenes.config.schema import check
from scenes.evaluation import prediction_table
from scenes.serving import classifier, photos
from scenes.serving import stream as serving_stream
from scenes.serving.classifier import Classifier
from scenes.serving.photos import Limits
from scenes.serving.stream import Answered

BATCH_SIZE = 32  # photos at a time through the model; bounds the memory that their activations take


def text(photo: Answered, model: Classifier, top_k: int) -> str:
    """Return a line for a person."""
    named = ", ".join(f"{name} {probability:.1%}" for name, probability in model.top(photo.answer, top_k))
    contained = ", ".join(model.contained(photo.answer)) or "none of the classes"
    unsure = "unsure; " if model.unsure(photo.answer) else ""
    return f"{photo.name}: {unsure}{named}; contains {contained}"


def json_line(photo: Answered, model: Classifier, top_k: int) -> str:
    """Return an object on one line (https://jsonlines.org), scores in six decimals."""
    (best, _), *_ = top = model.top(photo.answer, top_k)
    scores = zip(model.classes, photo.answer.presence.tolist(), strict=True)
    return json.dumps(
        {
            "key": photo.name,
            "class": best,
            "confidence": model.confidence(photo.answer),
            "unsure": model.unsure(photo.answer),
            "top": [{"class": name, "probability": round(probability, 6)} for name, probability in top],
            "presence": {name: round(score, 6) for name, score in scores},
        }
    )


def inert(name: str) -> str:
    """Return a name that no spreadsheet computes, as it does what begins with ``=``; it names the same file."""
    return f"./{name}" if name.startswith(("=", "+", "-", "@")) else name


def csv(answered: Sequence[Answered], model: Classifier, *, header: bool) -> str:
    """Return rows as data/predictions.csv has them, in the order given; see ``scenes.evaluation.prediction_table``.

    The keys are names made :func:`inert`.
    """
    table = prediction_table.build(
        [inert(photo.name) for photo in answered],
        np.array([photo.answer.probabilities for photo in answered]).reshape(-1, len(model.classes)),
        np.array([photo.answer.presence for photo in answered]).reshape(-1, len(model.classes)),
        model.classes,
        unsure_below=model.unsure_below,
    )
    return table.to_csv(index=False, header=header, float_format="%.6f", lineterminator="\n")


def main() -> int:
    """Return the exit status."""
    arguments = _parser().parse_args()
    params = check()
    sys.stdout.reconfigure(errors="backslashreplace")  # a screen of a few characters stops no answers
    limits = Limits(params.archive.max_member_bytes, params.archive.max_ratio, params.archive.max_pixels)
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    model = _model(arguments.model, params.select.unsure_below)

    def decode(data: bytes) -> np.ndarray:
        with runtime.muted_stderr():
            return photos.decode(data, limits)

    passed_over: list[str] = []
    found = photos.find(arguments.paths, limits, passed_over.append)
    # A bar would tear lines apart that go to the same screen.
    hidden = sys.stdout.isatty() or not sys.stderr.isatty()
    stream = tqdm(
        serving_stream.stream(found, decode, model.prepare, model.predict, BATCH_SIZE),
        unit=" photos",
        disable=hidden,
    )
    good, bad = _write(stream, _form(arguments, model), arguments.csv and csv([], model, header=True))
    if passed_over:
        print(f"passed over, as their names are not those of images: {_few(passed_over)}", file=sys.stderr)
    if bad:
        print(f"{bad:,} of {good + bad:,} could not be used", file=sys.stderr)
    return int(bad > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scenes.serving.answer_formats", description=__doc__.splitlines()[0]
    )
    parser.add_argument("paths", nargs="+", metavar="IMAGE|FOLDER|ZIP", help="folders with all folders below them")
    parser.add_argument(
        "--model",
        default=classifier.PRODUCTION,
        help="production (the default), a model of params.yaml, or a folder that holds a model.keras such as "
        "models/production",
    )
    parser.add_argument("--top-k", type=_positive, default=3, help="classes named for each image (%(default)s)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="an object a line, all scores in it")
    form.add_argument("--csv", action="store_true", help="a row an image, all scores in it, as data/predictions.csv")
    return parser


def _model(name: str, unsure_below: str) -> Classifier:
    """Return the model of that name or in that folder, for which the model.keras in it may stand."""
    path = Path(name)
    if name in classifier.available_models(".") or not (path.exists() or path.parent.name):
        return classifier.load(".", name, unsure_below=unsure_below)
    folder = path.parent if path.name == "model.keras" else path
    if not folder.is_dir():
        raise InputError(
            f"{photos.printable(name)} is no folder with a model.keras in it; name one, or a model of params.yaml"
        )
    return classifier.from_folder(folder)


def _positive(value: str) -> int:
    if not value.isdecimal() or int(value) == 0:
        raise argparse.ArgumentTypeError(f"{value!r} is no number of 1 or more")
    return int(value)


def _form(arguments: argparse.Namespace, model: Classifier) -> Callable[[list[Answered]], str]:
    """Return what writes some answers."""
    if arguments.csv:
        return lambda answered: csv(answered, model, header=False)
    line = json_line if arguments.json else text
    return lambda answered: "".join(f"{line(photo, model, arguments.top_k)}\n" for photo in answered)


def _write(stream, form: Callable[[list[Answered]], str], head: str) -> tuple[int, int]:
    """Write answers to stdout and what went wrong to stderr, and return how many there were of each."""
    good = bad = 0
    sys.stdout.write(head or "")
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


if __name__ == "__main__":
    with exit_on_input_error():
        try:
            raise SystemExit(main())
        except (
            BrokenPipeError
        ):  # `| head` has seen enough: https://docs.python.org/3/library/signal.html#note-on-sigpipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(141) from None
