"""A trained model's answers about labelled pictures, and which of these pictures it was trained on."""

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from scenes.audit import audit_table, inspection
from scenes.dataset import split
from scenes.images.decode import ImageProblem, decode
from scenes.layout.layout import Member
from scenes.own.pictures import UNREADABLE
from scenes.serving.classifier import Classifier

BATCH_SIZE = 32  # pictures at a time through the model; bounds the memory for their activations


class Matched(NamedTuple):
    """Classes of a folder or archive, by what the model calls them.

    Attributes:
        indices: of the model's class, by the name in the archive.
        renamed: the model's name, by a name in the archive that differs from it.
        unknown: names that are none of the model's classes, sorted.
    """

    indices: dict[str, int]
    renamed: dict[str, str]
    unknown: list[str]


class Answers(NamedTuple):
    """What the model said about the pictures that could be decoded, in their order.

    Attributes:
        labels, predicted: int64 (n,), indices into the model's classes.
        seen: bool (n,): whether the same picture was used to train or to choose the model.
        unreadable: paths of pictures that could not be decoded.
    """

    labels: np.ndarray
    predicted: np.ndarray
    seen: np.ndarray
    unreadable: list[str]


def match_classes(names: Iterable[str], classes: Sequence[str]) -> Matched:
    """Match class names in Unicode's composed form (NFC), then without regard to case if only one class fits.

    Of ``pets/cat``, the last part counts where the whole is no class: of a collection with one class, it is not known
    which folders are classes.
    """
    exact = {unicodedata.normalize("NFC", name): index for index, name in enumerate(classes)}
    folded: dict[str, list[int]] = {}
    for name, index in exact.items():
        folded.setdefault(name.casefold(), []).append(index)
    matched = Matched({}, {}, [])
    for name in sorted(names):
        composed = unicodedata.normalize("NFC", name)
        last = composed.rpartition("/")[2]
        candidates = folded.get(composed.casefold()) or folded.get(last.casefold(), [])
        if composed in exact:
            matched.indices[name] = exact[composed]
        elif last in exact:
            matched.indices[name] = exact[last]
            matched.renamed[name] = classes[exact[last]]
        elif len(candidates) == 1:
            matched.indices[name] = candidates[0]
            matched.renamed[name] = classes[candidates[0]]
        else:
            matched.unknown.append(name)
    return matched


def training_hashes(root: Path) -> frozenset[str] | None:
    """Return the hashes of the files and of the pixels that the models of a checkout were trained or chosen on.

    None if ``root`` has no data/audit.csv or data/split.csv.

    Raises:
        InputError: one of the two is damaged.
    """
    audit, table = root / "data/audit.csv", root / "data/split.csv"
    if not (audit.is_file() and table.is_file()):
        return None
    images = split.final_splits(audit_table.read(audit), split.read(table))
    images = images[images["split"].isin(audit_table.LEARN)]
    return frozenset(images["sha256"]) | frozenset(images["pixel_sha256"]) - {""}


def answer(
    members: Sequence[Member],
    read: Callable[[str], bytes],
    model: Classifier,
    indices: Mapping[str, int],
    *,
    hashes: frozenset[str],
    max_pixels: int,
) -> Answers:
    """Classify labelled pictures, with a progress bar on a terminal.

    Args:
        members: with labels in ``indices``.
        read: returns the bytes of a picture, or raises one of ``scenes.own.pictures.UNREADABLE``.
        indices: see :class:`Matched`.
        hashes: see :func:`training_hashes`.
        max_pixels: a larger picture is not decoded.
    """
    labels: list[int] = []
    predicted: list[int] = []
    seen: list[bool] = []
    unreadable: list[str] = []
    waiting = iter(tqdm(members, desc="scoring", unit=" pictures", disable=None))
    while batch := list(islice(waiting, BATCH_SIZE)):
        prepared = []
        for member in batch:
            try:
                data = read(member.path)
                pixels = decode(data, max_pixels=max_pixels).pixels
            except (*UNREADABLE, ImageProblem):
                unreadable.append(member.path)
                continue
            prepared.append(model.prepare(pixels))
            labels.append(indices[member.label])
            seen.append(not hashes.isdisjoint({hashlib.sha256(data).hexdigest(), inspection.pixel_hash(pixels)}))
        if prepared:
            predicted += [int(each.probabilities.argmax()) for each in model.predict(prepared)]
    return Answers(np.array(labels, np.int64), np.array(predicted, np.int64), np.array(seen, bool), unreadable)
