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

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.common.errors import InputError
from scenes.common.tables import read_csv, rounded, write_csv
from scenes.dataset.audit_table import usable

if TYPE_CHECKING:
    import pandas as pd

    from scenes.models.features import Features

COLUMNS = ("key", "given_label", "suggested_label", "score", "reason")
# The column of the audit that duplicates of each kind share.
_DUPLICATES = {"duplicate": "pixel_sha256", "near_duplicate": "group"}


def judge_features(images: "Features", audit: "pd.DataFrame", *, folds: int, C: float, seed: int) -> "pd.DataFrame":
    """Return what an out-of-fold classifier on features says of every label, see :func:`judge`.

    Args:
        audit: see ``scenes.dataset.audit_table``; names the group of duplicates of each image.
        folds, C, seed: see :func:`out_of_fold`.
    """
    keys = np.char.decode(images.key)
    groups = audit.set_index("path")["group"].loc[keys].to_numpy()
    probabilities = out_of_fold(images.features, images.label, groups, images.classes, folds=folds, C=C, seed=seed)
    return judge(keys, images.label, probabilities, images.classes)


def out_of_fold(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    classes: Sequence[str],
    *,
    folds: int,
    C: float,
    seed: int,
) -> np.ndarray:
    """Return each image's class probabilities by a logistic regression fitted without it and its duplicates.

    Args:
        features: float (n, d).
        labels: int (n,), indices into ``classes``.
        groups: (n,); images of one group are always in the same fold.
        classes: names (k,).
        folds: 2 or more.
        C: inverse of the strength of the L2 regularisation; the features are standardised.
        seed: of the folds.

    Returns:
        float64 (n, k), rows sum to 1.

    Raises:
        InputError: a class has images in fewer than ``folds`` groups.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    group_counts = [len(np.unique(groups[labels == label])) for label in range(len(classes))]
    if min(group_counts) < folds:
        smallest = int(np.argmin(group_counts))
        raise InputError(
            f"class {classes[smallest]} has only {group_counts[smallest]} groups of images without common duplicates, "
            f"fewer than label_issues.folds ({folds}); add images or lower it"
        )
    probabilities = np.zeros((len(labels), len(classes)))
    features = features.astype(np.float64)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with threadpool_limits(1):  # how sums are divided among threads changes their rounding
        for rest, fold in splitter.split(features, labels, groups):
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

    names = np.array(classes, object)
    judged = pd.DataFrame(
        {
            "key": keys,
            "given_label": names[labels],
            "suggested_label": names[probabilities.argmax(axis=1)],
            "score": get_label_quality_scores(labels, probabilities),
            "doubted": find_label_issues(labels, probabilities, n_jobs=1),
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


def format_summary(counts: dict[str, Any]) -> str:
    """Return one or two lines on the label issues.

    Args:
        counts: see :func:`count_issues`; if wrong labels were planted, with :func:`score_planted` under ``planted``.
    """
    text = f"label issues: {counts['total']:,} in {counts['images']:,} images"
    if "planted" in counts:
        planted = counts["planted"]
        text += (
            f"\nwrong labels planted: {planted['count']:,}; precision {planted['precision']:.2f}, recall "
            f"{planted['recall']:.2f}; of the first {planted['model']['count']:,} by score "
            f"{planted['model']['precision_at_count']:.0%} are wrong"
        )
    return text
