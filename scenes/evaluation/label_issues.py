"""Label issues: labels that may be wrong, by a classifier that never saw the image and by the labels of duplicates.

| column | |
|---|---|
| key | path in the archive |
| given_label | class of the folder that the image is in |
| suggested_label | the most probable class; if only a duplicate disagrees, the class of the duplicate |
| score | from 0 (certainly wrong) to 1, see below |
| reason | ``model``, ``duplicate`` or ``near_duplicate`` (with another label), or two of them: ``model+duplicate`` |

The classifier's part is confident learning (Northcutt et al. 2021, https://arxiv.org/abs/1911.00068) by cleanlab. The
score orders the list by what a correction is expected to gain: the probability of the given label minus that of the
most probable other one, from -1 to 1, moved to 0 to 1. Of a duplicate without features, which was left out of the
records, either label is as likely, and the score is 0.5.

Two classes that the classifier often confuses in both directions are hard to tell apart for people, too. Their label
issues are less often errors, and more often a question of definition.

Only the classifier is out of fold. If the features were learned from the training labels, wrong ones are harder to see:
on the real subset, the features of a fine-tuned backbone give 0.5 % of the training images as label issues but 1.8 % of
the test images; those of the same backbone with its pretrained weights give 3.4 % of the training images.
"""

import warnings
from collections.abc import Collection, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.audit.audit_table import usable
from scenes.common.tables import read_csv, rounded, write_csv
from scenes.evaluation import out_of_fold

if TYPE_CHECKING:
    import pandas as pd

    from scenes.backbones.features import Features, StoredFeatures

CONFUSED = 0.05  # share of the images of each of two classes, from which on the two are said to be hard to tell apart
COLUMNS = ("key", "given_label", "suggested_label", "score", "reason")
# The column of the audit that duplicates of each kind share.
_DUPLICATES = {"duplicate": "pixel_sha256", "near_duplicate": "group"}


def judge_features(
    images: "Features | StoredFeatures", audit: "pd.DataFrame", *, folds: int, C: float, seed: int
) -> "tuple[pd.DataFrame, str]":
    """Return what an out-of-fold classifier on features says of the labels, and where it could not do as asked.

    The images of a class need as many groups of duplicates as there are folds. If some class has fewer, there are fewer
    folds. A class of a single group is left out: a classifier that has not seen that group does not know the class.

    Args:
        audit: see ``scenes.audit.audit_table``; names the group of duplicates of each image.
        folds, C, seed: see ``scenes.evaluation.out_of_fold.predict``.

    Returns:
        See :func:`judge`; and a sentence on the folds and the classes left out, or ''.
    """
    keys, classes = np.char.decode(images.key), len(images.classes)
    groups = audit.set_index("path")["group"].loc[keys].to_numpy()
    per_class = out_of_fold.groups_per_class(images.label, groups, classes)
    probabilities = np.zeros((len(keys), classes))
    used = per_class[images.label] > 1
    if (per_class > 1).sum() > 1:
        probabilities[used] = out_of_fold.predict(
            images.features,
            images.label[used],
            groups[used],
            classes,
            folds=min(folds, int(per_class[per_class > 1].min())),
            C=C,
            seed=seed,
            rows=np.flatnonzero(used),
        )
    judged = probabilities.any(axis=1)
    table = judge(keys[judged], images.label[judged], probabilities[judged], images.classes)
    return table, out_of_fold.limits(per_class, images.classes, folds, int(used.sum()))


def judge(keys: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> "pd.DataFrame":
    """Return ``key,given_label,suggested_label,score,doubted`` of every image, sorted by score, then by key.

    Args:
        keys: str (n,).
        labels: int (n,), indices into ``classes``.
        probabilities: float (n, k), out of fold.
    """
    import pandas as pd
    from cleanlab.filter import find_label_issues

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
            "score": _scores(labels, probabilities),
            "doubted": doubted,
        }
    )
    return judged.sort_values(["score", "key"], ignore_index=True)


def _scores(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return (1 + margin) / 2, float64 (n,); the margin is that of the given label over the best other one."""
    from cleanlab.rank import get_label_quality_scores

    if not len(labels):
        return np.empty(0)
    return get_label_quality_scores(labels, probabilities, method="normalized_margin")


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


def combine(
    judged: "pd.DataFrame", audit: "pd.DataFrame", *, corrected: Collection[str] = frozenset()
) -> "pd.DataFrame":
    """Return the label issues: labels that the classifier doubts (see :func:`judge`) or that a duplicate contradicts.

    Args:
        audit: see :func:`judge_features`, with corrected labels.
        corrected: the paths of the images whose labels people have corrected, which are left out.

    Returns:
        The columns of the table above, sorted by score, then by key.
    """
    by_model = judged.assign(model=judged["doubted"].map({True: "model", False: ""})).drop(columns="doubted")
    by_duplicates = conflicting_duplicates(audit)
    joined = by_model.merge(by_duplicates, how="outer", on=["key", "given_label"]).fillna({"model": "", "kind": ""})
    joined = joined[(joined["model"] != "") | (joined["kind"] != "")]
    reason = (joined["model"] + "+" + joined["kind"]).str.strip("+")
    suggested = joined["suggested_label"].where(joined["model"] != "", joined["other_label"])
    table = joined.assign(reason=reason, suggested_label=suggested, score=joined["score"].fillna(0.5))[list(COLUMNS)]
    table = table[~table["key"].isin(corrected)]
    return table.sort_values(["score", "key"], ignore_index=True)


def write(table: "pd.DataFrame", path: str | Path) -> None:
    """Write the label issues as CSV."""
    write_csv(path, table)


def read(path: str | Path) -> "pd.DataFrame":
    """Read the label issues: ``score`` as float64, all other columns as text."""
    import pandas as pd

    table = read_csv(path, columns=COLUMNS)
    return table.assign(score=pd.to_numeric(table["score"]))


def count_issues(table: "pd.DataFrame", judged: "pd.DataFrame", classes: Sequence[str]) -> dict[str, Any]:
    """Return counts: ``images`` judged, label issues in ``total``, by ``reason`` and by class.

    ``given.<class>`` counts the label issues of a class, ``suggested.<class>`` those for which that class is suggested,
    and ``pairs.<given>.<suggested>`` both together, without zeros. ``confused.<a>/<b>`` is the share of the images of
    two classes for which the other class is more probable than the given one, of pairs where it is at least
    ``CONFUSED`` in both directions.
    """
    pairs = table.groupby(["given_label", "suggested_label"]).size()
    return {
        "images": len(judged),
        "total": len(table),
        "reason": {reason: int(count) for reason, count in table["reason"].value_counts().items()},
        "confused": _confused(judged),
        "given": {name: int((table["given_label"] == name).sum()) for name in classes},
        "suggested": {name: int((table["suggested_label"] == name).sum()) for name in classes},
        "pairs": {
            label: {suggested: int(count) for suggested, count in pairs[label].items()}
            for label in pairs.index.get_level_values(0).unique()
        },
    }


def _confused(judged: "pd.DataFrame") -> dict[str, float]:
    shares = judged.groupby("given_label")["suggested_label"].value_counts(normalize=True)
    counts = judged["given_label"].value_counts()
    pairs = {}
    for a, b in combinations(sorted(counts.index), 2):
        one, other = shares.get((a, b), 0.0), shares.get((b, a), 0.0)
        if min(one, other) >= CONFUSED:
            pairs[f"{a}/{b}"] = rounded((one * counts[a] + other * counts[b]) / (counts[a] + counts[b]))
    return pairs


def score_planted(table: "pd.DataFrame", judged: "pd.DataFrame", ground_truth: "pd.DataFrame") -> dict[str, Any]:
    """Compare the label issues with the wrong labels planted in a synthetic archive.

    Args:
        ground_truth: see ``scenes.synthetic.ground_truth``; corrected labels are not wrong any more. Only the images
            in it count.

    Returns:
        ``count`` of the wrong labels, ``precision`` and ``recall`` of the table; and for the classifier alone
        ``model.{count,precision,recall,precision_at_count}``, over the images that it judged. The last is the share of
        wrong labels among the ``count`` images of lowest score.
    """
    table, judged = (rows[rows["key"].isin(ground_truth["path"])] for rows in (table, judged))
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
    for pair, share in counts["confused"].items():
        text += f"\n{pair} are often confused ({share:.0%} of their images): check the definitions, then single labels"
    if "planted" in counts:
        planted = counts["planted"]
        text += (
            f"\nwrong labels planted: {planted['count']:,}; precision {planted['precision']:.2f}, recall "
            f"{planted['recall']:.2f}; of the first {planted['model']['count']:,} by score "
            f"{planted['model']['precision_at_count']:.0%} are wrong"
        )
    return text
