"""Label issues: labels that may be wrong, by a classifier that never saw the image and by the labels of duplicates.

| column | |
|---|---|
| key | path in the archive |
| given_label | class of the folder that the image is in |
| suggested_label | the most probable class; if only a duplicate disagrees, the class of the duplicate |
| score | from 0 (certainly wrong) to 1; '' for an image without features, which was left out of the records |
| reason | ``model``, ``duplicate`` or ``near_duplicate`` (with another label), or two of them: ``model+duplicate`` |

The classifier's part is confident learning (Northcutt et al. 2021, https://arxiv.org/abs/1911.00068) by cleanlab.

Only the classifier is out of fold. If the features were learned from the training labels, wrong ones are harder to see:
on the real subset, the features of a fine-tuned backbone give 0.5 % of the training images as label issues but 1.8 % of
the test images; those of the same backbone with its pretrained weights give 3.4 % of the training images.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.common.tables import read_csv, rounded, write_csv
from scenes.dataset.audit_table import usable

if TYPE_CHECKING:
    import pandas as pd

    from scenes.backbones.features import Features

COLUMNS = ("key", "given_label", "suggested_label", "score", "reason")
# The column of the audit that duplicates of each kind share.
_DUPLICATES = {"duplicate": "pixel_sha256", "near_duplicate": "group"}


def judge_features(
    images: "Features", audit: "pd.DataFrame", *, folds: int, C: float, seed: int
) -> "tuple[pd.DataFrame, str]":
    """Return what an out-of-fold classifier on features says of the labels, and where it could not do as asked.

    The images of a class need as many groups of duplicates as there are folds. If some class has fewer, there are fewer
    folds. A class of a single group is left out: a classifier that has not seen that group does not know the class.

    Args:
        audit: see ``scenes.dataset.audit_table``; names the group of duplicates of each image.
        folds, C, seed: see :func:`out_of_fold`.

    Returns:
        See :func:`judge`; and a sentence on the folds and the classes left out, or ''.
    """
    keys, classes = np.char.decode(images.key), len(images.classes)
    groups = audit.set_index("path")["group"].loc[keys].to_numpy()
    per_class = _groups_per_class(images.label, groups, classes)
    probabilities = np.zeros((len(keys), classes))
    if (per_class > 1).sum() > 1:
        used = per_class[images.label] > 1
        probabilities[used] = out_of_fold(
            images.features[used],
            images.label[used],
            groups[used],
            classes,
            folds=min(folds, int(per_class[per_class > 1].min())),
            C=C,
            seed=seed,
        )
    judged = probabilities.any(axis=1)
    table = judge(keys[judged], images.label[judged], probabilities[judged], images.classes)
    return table, _limits(per_class, images.classes, folds)


def _groups_per_class(labels: np.ndarray, groups: np.ndarray, classes: int) -> np.ndarray:
    """Return the number of different groups in each class, int (classes,)."""
    _, number = np.unique(groups, return_inverse=True)
    return np.bincount(np.unique(np.stack([labels, number]), axis=1)[0], minlength=classes)


def _limits(per_class: np.ndarray, classes: Sequence[str], folds: int) -> str:
    """Return a sentence on the classes that are too small for ``folds``, or ''."""
    several = np.flatnonzero(per_class > 1)
    if len(several) < 2:
        return "no label is judged: fewer than two classes have two images that are not duplicates of each other"
    parts = []
    if alone := [classes[index] for index in np.flatnonzero(per_class == 1).tolist()]:
        more = f" and {len(alone) - 3} more" if len(alone) > 3 else ""
        names = ", ".join(alone[:3])
        parts.append(f"labels of {names}{more} are not judged: there is one image, or duplicates of one")
    smallest = int(several[per_class[several].argmin()])
    if per_class[smallest] < folds:
        count = per_class[smallest]
        parts.append(
            f"{count} folds instead of {folds}: {classes[smallest]} has {count} images, duplicates not counted"
        )
    return "; ".join(parts)


def out_of_fold(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    classes: int,
    *,
    folds: int,
    C: float,
    seed: int,
) -> np.ndarray:
    """Return each image's class probabilities by a logistic regression fitted without it and its duplicates.

    Args:
        features: float (n, d).
        labels: int (n,), less than ``classes``; each label that occurs has images in at least ``folds`` groups.
        groups: (n,); images of one group are always in the same fold.
        classes: number of classes.
        folds: 2 or more.
        C: inverse of the strength of the L2 regularisation; the features are standardised.
        seed: of the folds.

    Returns:
        float64 (n, classes), rows sum to 1. The row of an image is 0 if its class has no image in the other folds, as
        groups of several classes can cause.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    probabilities = np.zeros((len(labels), classes))
    features = features.astype(np.float64)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with threadpool_limits(1):  # how sums are divided among threads changes their rounding
        for rest, held_out in splitter.split(features, labels, groups):
            known = np.unique(labels[rest])
            fold = held_out[np.isin(labels[held_out], known)]
            if len(known) < 2 or not len(fold):
                continue
            classifier = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500))
            classifier.fit(features[rest], labels[rest])
            probabilities[np.ix_(fold, classifier.classes_)] = classifier.predict_proba(features[fold])
    return probabilities


def judge(keys: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> "pd.DataFrame":
    """Return ``key,given_label,suggested_label,score,doubted`` of every image, sorted by score, then by key.

    Args:
        keys: str (n,).
        labels: int (n,), indices into ``classes``.
        probabilities: float (n, k), out of fold.
    """
    import pandas as pd
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    names, doubted = np.array(classes, object), np.zeros(len(labels), bool)
    if len(np.unique(labels)) > 1:  # confident learning compares classes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # one for each class without images
            doubted = find_label_issues(labels, probabilities, n_jobs=1)
    judged = pd.DataFrame(
        {
            "key": keys,
            "given_label": names[labels],
            "suggested_label": names[probabilities.argmax(axis=1)],
            "score": get_label_quality_scores(labels, probabilities) if len(labels) else np.empty(0),
            "doubted": doubted,
        }
    )
    return judged.sort_values(["score", "key"], ignore_index=True)


def conflicting_duplicates(audit: "pd.DataFrame") -> "pd.DataFrame":
    """Return ``key,given_label,other_label,kind`` of the labelled images with a duplicate of another label.

    ``other_label`` is the most frequent other label among the duplicates, ties by name. ``kind`` is ``duplicate`` (the
    same pixels) or else ``near_duplicate``.
    """
    import pandas as pd

    images = usable(audit)
    images = images[images["split"] != "pred"].sort_values("path")
    rows: dict[str, tuple[str, str, str, str]] = {}
    for kind, shared in _DUPLICATES.items():
        conflicting = images[images.groupby(shared)["label"].transform("nunique") > 1]
        for _, members in conflicting.groupby(shared):
            counts = members["label"].value_counts().sort_index()
            for path, label in zip(members["path"], members["label"], strict=True):
                rows.setdefault(path, (path, label, counts.drop(label).idxmax(), kind))
    return pd.DataFrame(list(rows.values()), columns=["key", "given_label", "other_label", "kind"], dtype=object)


def combine(judged: "pd.DataFrame", audit: "pd.DataFrame") -> "pd.DataFrame":
    """Return the label issues: labels that the classifier doubts (see :func:`judge`) or that a duplicate contradicts.

    Sorted by score, then by key; images without a score come last.
    """
    by_model = judged.assign(model=judged["doubted"].map({True: "model", False: ""})).drop(columns="doubted")
    by_duplicates = conflicting_duplicates(audit)
    joined = by_model.merge(by_duplicates, how="outer", on=["key", "given_label"]).fillna({"model": "", "kind": ""})
    joined = joined[(joined["model"] != "") | (joined["kind"] != "")]
    reason = (joined["model"] + "+" + joined["kind"]).str.strip("+")
    suggested = joined["suggested_label"].where(joined["model"] != "", joined["other_label"])
    table = joined.assign(reason=reason, suggested_label=suggested)[list(COLUMNS)]
    return table.sort_values(["score", "key"], ignore_index=True)


def write(table: "pd.DataFrame", path: str | Path) -> None:
    """Write the label issues as CSV."""
    write_csv(path, table)


def read(path: str | Path) -> "pd.DataFrame":
    """Read the label issues: ``score`` as float64, NaN if there is none, all other columns as text."""
    import pandas as pd

    table = read_csv(path)
    return table.assign(score=pd.to_numeric(table["score"]))


def count_issues(table: "pd.DataFrame", judged: "pd.DataFrame", classes: Sequence[str]) -> dict[str, Any]:
    """Return counts: ``images`` judged, label issues in ``total``, by ``reason`` and by class.

    ``given.<class>`` counts the label issues of a class, ``suggested.<class>`` those for which that class is suggested,
    and ``pairs.<given>.<suggested>`` both together, without zeros.
    """
    pairs = table.groupby(["given_label", "suggested_label"]).size()
    return {
        "images": len(judged),
        "total": len(table),
        "reason": {reason: int(count) for reason, count in table["reason"].value_counts().items()},
        "given": {name: int((table["given_label"] == name).sum()) for name in classes},
        "suggested": {name: int((table["suggested_label"] == name).sum()) for name in classes},
        "pairs": {
            label: {suggested: int(count) for suggested, count in pairs[label].items()}
            for label in pairs.index.get_level_values(0).unique()
        },
    }


def score_planted(table: "pd.DataFrame", judged: "pd.DataFrame", ground_truth: "pd.DataFrame") -> dict[str, Any]:
    """Compare the label issues with the wrong labels planted in a synthetic archive.

    Args:
        ground_truth: see ``scenes.synthetic.ground_truth``.

    Returns:
        ``count`` of the wrong labels, ``precision`` and ``recall`` of the table; and for the classifier alone
        ``model.{count,precision,recall,precision_at_count}``, over the images that it judged. The last is the share of
        wrong labels among the ``count`` images of lowest score.
    """
    labelled = ground_truth[ground_truth["label"] != ""]
    wrong = set(labelled.loc[labelled["label"] != labelled["ground_truth"], "path"])
    doubted, judged_wrong = judged.loc[judged["doubted"], "key"], judged["key"].isin(wrong)
    count = int(judged_wrong.sum())
    return {
        "count": len(wrong),
        **_precision_and_recall(table["key"], wrong),
        "model": {
            "count": count,
            **_precision_and_recall(doubted, set(judged.loc[judged_wrong, "key"])),
            "precision_at_count": _share(int(judged_wrong.head(count).sum()), count),
        },
    }


def _precision_and_recall(selected: "pd.Series", wrong: set[str]) -> dict[str, float]:
    hits = int(selected.isin(wrong).sum())
    return {"precision": _share(hits, len(selected)), "recall": _share(hits, len(wrong))}


def _share(part: int, whole: int) -> float:
    return rounded(part / whole) if whole else 0.0


def format_summary(counts: dict[str, Any], limits: str = "") -> str:
    """Return one to three lines on the label issues.

    Args:
        counts: see :func:`count_issues`; if wrong labels were planted, with :func:`score_planted` under ``planted``.
        limits: the sentence of :func:`judge_features`.
    """
    text = f"label issues: {counts['total']:,} in {counts['images']:,} images"
    if limits:
        text += f"\n{limits}"
    if "planted" in counts:
        planted = counts["planted"]
        text += (
            f"\nwrong labels planted: {planted['count']:,}; precision {planted['precision']:.2f}, recall "
            f"{planted['recall']:.2f}; of the first {planted['model']['count']:,} by score "
            f"{planted['model']['precision_at_count']:.0%} are wrong"
        )
    return text
