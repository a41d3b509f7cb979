"""``scenes score``: how good a trained model is on other labelled pictures, such as those of another camera or year.

It reads any folder, zip or tar that the pipeline reads, and warns of pictures that the model was trained on.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.commands import checkout
from scenes.commands.argument_types import local_path
from scenes.common.errors import InputError
from scenes.common.words import count, shortened
from scenes.own.look import options
from scenes.own.pictures import Pictures, open_pictures

if TYPE_CHECKING:
    from scenes.own.labelled_answers import Answers, Matched

MATRIX_CLASSES = 12  # a larger matrix does not fit on a line
PAIRS = 10  # of classes, where there is no matrix
SHOWN_NAME = 24  # characters of a class in the matrix


def main(argv: list[str] | None = None) -> int:
    """Return the exit status."""
    arguments = _parser().parse_args(argv)
    with open_pictures(arguments.path, options().archive, training=False) as pictures:
        result = score(pictures, arguments.path, arguments.model, arguments.split)
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        print("\n".join(format_result(result)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scenes score", description="Score a trained model on a folder, zip or tar of other labelled pictures."
    )
    parser.add_argument(
        "path", metavar="PATH", type=local_path, help="a folder, a zip or a tar, in a folder a class or with a table"
    )
    parser.add_argument(
        "--model",
        type=local_path,
        default=checkout.PRODUCTION,
        help="a folder with model.keras and model.json; in a checkout also the name of a model in params.yaml "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--split", choices=("train", "val", "test"), help="only the pictures of this split of PATH (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="all numbers, as JSON")
    return parser


def score(pictures: Pictures, path: str, model_name: str, split: str | None) -> dict[str, Any]:
    """Return the scores of a model on labelled pictures, as plain values; see :func:`format_result`.

    Args:
        path: for messages.
        model_name: see ``scenes predict --model``.
        split: only these; None for all that have a label.

    Raises:
        InputError: no picture has a label that the model knows, or none can be decoded, or there is no such model.
    """
    labelled = [member for member in pictures.found.members if member.label and split in (None, member.split)]
    if not labelled:
        where = f"in the split {split} of {path}" if split else f"in {path}"
        raise InputError(f"no picture {where} has a label; put them in a folder a class, or `scenes predict` them")

    # Imported here, because what is wrong with the pictures should be said before TensorFlow has started.
    from scenes.commands import predict
    from scenes.own import labelled_answers
    from scenes.process.runtime import configure

    limits, threads, unsure_below, drawn = predict.settings()
    configure(seed=0, threads=threads)  # nothing is random here
    model = predict.open_model(model_name, unsure_below, drawn=drawn)
    matched = labelled_answers.match_classes({member.label for member in labelled}, model.classes)
    if not matched.indices:
        raise InputError(
            f"none of the classes in {path} ({shortened(matched.unknown)}) is one of the model's "
            f"({shortened(model.classes)}); name the folders as the model's classes"
        )
    hashes, checked = frozenset[str](), False
    if model_name == checkout.PRODUCTION or model_name in checkout.available_models("."):
        found = labelled_answers.training_hashes(Path())
        if found is not None:  # else the model was fetched without the data; `format_result` says so
            hashes, checked = found, True
    answers = labelled_answers.answer(
        [member for member in labelled if member.label in matched.indices],
        pictures.read,
        model,
        matched.indices,
        hashes=hashes,
        max_pixels=limits.max_pixels,
    )
    if not len(answers.labels):
        raise InputError(f"none of the {len(answers.unreadable):,} pictures in {path} can be decoded")
    left_out = sum(member.label not in matched.indices for member in labelled)
    return _result(answers, matched, model.classes, left_out, checked)


def _result(
    answers: "Answers", matched: "Matched", classes: Sequence[str], left_out: int, checked: bool
) -> dict[str, Any]:
    from scenes.evaluation import intervals
    from scenes.evaluation.metrics import confusion_matrix

    correct = answers.labels == answers.predicted
    unseen = correct[~answers.seen]
    matrix = confusion_matrix(answers.labels, answers.predicted, len(classes))
    totals = matrix.sum(axis=1)
    per_class = {
        name: {"recall": float(matrix[number, number] / totals[number]), "images": int(totals[number])}
        for number, name in enumerate(classes)
        if totals[number]
    }
    recalls = [each["recall"] for each in per_class.values()]
    return {
        "images": len(correct),
        "accuracy": float(correct.mean()),
        "accuracy_interval": intervals.share(correct.sum(), len(correct)),
        "balanced_accuracy": sum(recalls) / len(recalls),
        "per_class": per_class,
        "worst_class": min(sorted(per_class), key=lambda name: per_class[name]["recall"]),
        "classes": list(classes),
        "confusion": matrix.tolist(),
        "renamed": matched.renamed,
        "unknown_classes": {"names": matched.unknown, "images": left_out},
        "unreadable": answers.unreadable,
        "training_images": {
            "checked": checked,
            "images": int(answers.seen.sum()),
            "accuracy_without": float(unseen.mean()) if len(unseen) else None,
        },
    }


def format_result(result: Mapping[str, Any]) -> list[str]:
    """Return the scores as lines for people."""
    interval, worst, seen = result["accuracy_interval"], result["worst_class"], result["training_images"]
    lines = [
        f"accuracy {result['accuracy']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}] on {result['images']:,} "
        f"pictures; the mean over classes: {result['balanced_accuracy']:.3f}",
        f"worst class: {worst!r}, {result['per_class'][worst]['recall']:.0%} of "
        f"{result['per_class'][worst]['images']:,} recognised",
        "",
        *_confusion(result["classes"], result["confusion"]),
    ]
    notes = [f"{name!r} counts as the model's {other!r}" for name, other in result["renamed"].items()]
    if unknown := result["unknown_classes"]["names"]:
        notes.append(
            f"{_left_out(result['unknown_classes']['images'], '')}, because the model has no class "
            f"{shortened(map(repr, unknown))}"
        )
    if unreadable := result["unreadable"]:
        notes.append(f"{_left_out(len(unreadable), 'cannot be decoded and ')}, e.g. {unreadable[0]!r}")
    if seen["images"]:
        without = seen["accuracy_without"]
        rest = "no other is left" if without is None else f"the accuracy on the others is {without:.3f}"
        notes.append(
            f"warning: the model was trained or chosen on {seen['images']:,} of these pictures, which raises the "
            f"scores; {rest}"
        )
    elif not seen["checked"]:
        notes.append("whether the model was trained on some of these pictures is unknown without its data/audit.csv")
    return [*lines, "", *notes] if notes else lines


def _confusion(classes: Sequence[str], matrix: Sequence[Sequence[int]]) -> list[str]:
    used = [number for number in range(len(classes)) if any(matrix[number]) or any(row[number] for row in matrix)]
    if len(used) > MATRIX_CLASSES:
        errors = [(-matrix[a][b], classes[a], classes[b], sum(matrix[a])) for a in used for b in used if a != b]
        pairs = [f"  {a!r} taken for {b!r}: {-count:,} of {total:,}" for count, a, b, total in sorted(errors) if count]
        return ["most frequent errors:", *(pairs[:PAIRS] or ["  none"])]
    width = max(len(f"{max(map(max, matrix)):,}"), len(str(len(used)))) + 2
    names = {number: f"{place} {classes[number]:.{SHOWN_NAME}}" for place, number in enumerate(used, 1)}
    first = max(len("actual \\ predicted"), *map(len, names.values()))
    lines = ["actual \\ predicted".ljust(first) + "".join(f"{place:{width}}" for place in range(1, len(used) + 1))]
    for number in used:
        lines.append(names[number].ljust(first) + "".join(f"{matrix[number][other]:{width},}" for other in used))
    return lines


def _left_out(number: int, why: str) -> str:
    return f"{count(number, 'picture')} {why}{'is' if number == 1 else 'are'} left out"
