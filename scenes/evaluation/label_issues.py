"""Labels that may be wrong, as a classifier sees it that never saw the image, and as its duplicates are labelled.

| column | |
|---|---|
| key | the path in the archive |
| given_label | the class it stands in |
| suggested_label | the class that the classifier finds likeliest; of an image that it does not doubt, the duplicate's |
| score | from 0, certainly wrong, to 1; '' for an image without features, as it was left out of the records |
| reason | ``model``, ``duplicate`` or ``near_duplicate`` (under another label), or two of them: ``model+duplicate`` |

The classifier's part is confident learning (Northcutt et al. 2021, https://arxiv.org/abs/1911.00068) by cleanlab.

Out of fold is the classifier alone. Where the features were themselves learned from the training labels, wrong ones are
less visible: on the real subset, by a fine-tuned backbone, 0.5 % of the training images are suspects but 1.8 % of the
test images; by the same backbone with the weights it came with, 3.4 % of the training images.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenes.common.errors import InputError
from scenes.dataset.audit_table import usable

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("key", "given_label", "suggested_label", "score", "reason")
# Each kind of duplicate, and the column of the audit that such images share.
_DUPLICATES = {"duplicate": "pixel_sha256", "near_duplicate": "group"}


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
    """Return the class probabilities of each image by a logistic regression fitted without it and its duplicates.

    Args:
        features: float (n, d).
        labels: int (n,), indices into ``classes``.
        classes: names (k,).
        groups: (n,); images of one group never stand on two sides of a fold.
        folds: 2 or more.
        C: inverse of the strength of the L2 regularisation; the features are standardised.
        seed: of the folds.

    Returns:
        float64 (n, k), rows sum to 1.

    Raises:
        InputError: a class has images in less than ``folds`` groups.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    distinct = [len(np.unique(groups[labels == label])) for label in range(len(classes))]
    if min(distinct) < folds:
        fewest = int(np.argmin(distinct))
        raise InputError(
            f"{classes[fewest]} has only {distinct[fewest]} images that are no duplicates of one another, "
            f"too few for label_issues.folds ({folds}); add images or lower it"
        )
    probabilities = np.zeros((len(labels), len(classes)))
    features = features.astype(np.float64)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with threadpool_limits(1):  # sums are shared out between threads, and their rounding with them
        for rest, held in splitter.split(features, labels, groups):
            classifier = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500))
            classifier.fit(features[rest], labels[rest])
            probabilities[np.ix_(held, classifier.classes_)] = classifier.predict_proba(features[held])
    return probabilities


def judge(keys: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> "pd.DataFrame":
    """Return the classifier's opinion of every image: ``key,given_label,suggested_label,score,doubted``, by score.

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


def disputed(audit: "pd.DataFrame") -> "pd.DataFrame":
    """Return ``key,given_label,other_label,kind`` of the labelled images whose duplicate carries another label.

    ``other_label`` is the most frequent of the duplicates' other labels, the first by name of several; ``kind`` is
    ``duplicate`` (the same pixels) or else ``near_duplicate``.
    """
    import pandas as pd

    images = usable(audit)
    images = images[images["split"] != "pred"].sort_values("path")
    found = {}
    for kind, shared in _DUPLICATES.items():
        contested = images[images.groupby(shared)["label"].transform("nunique") > 1]
        for _, members in contested.groupby(shared):
            counts = members["label"].value_counts().sort_index()
            for path, label in zip(members["path"], members["label"], strict=True):
                found.setdefault(path, (path, label, counts.drop(label).idxmax(), kind))
    return pd.DataFrame(list(found.values()), columns=["key", "given_label", "other_label", "kind"], dtype=object)


def label_issues(judged: "pd.DataFrame", audit: "pd.DataFrame") -> "pd.DataFrame":
    """Join what the classifier doubts (see :func:`judge`) with what the duplicates dispute: the table above.

    It is sorted by score, then by key; images without a score come last.
    """
    by_model = judged.assign(model=judged["doubted"].map({True: "model", False: ""})).drop(columns="doubted")
    joined = by_model.merge(disputed(audit), how="outer", on=["key", "given_label"]).fillna({"model": "", "kind": ""})
    joined = joined[(joined["model"] != "") | (joined["kind"] != "")]
    reason = (joined["model"] + "+" + joined["kind"]).str.strip("+")
    suggested = joined["suggested_label"].where(joined["model"] != "", joined["other_label"])
    table = joined.assign(reason=reason, suggested_label=suggested)[list(COLUMNS)]
    return table.sort_values(["score", "key"], ignore_index=True)


def write(table: "pd.DataFrame", path: str | Path) -> None:
    """Write the table as CSV, the same bytes for the same table."""
    table.to_csv(path, index=False, float_format="%.6f", lineterminator="\n", encoding="utf-8")


def read(path: str | Path) -> "pd.DataFrame":
    """Read the table: ``score`` as float64, NaN where there is none, all else as text: a class may be called NA."""
    import pandas as pd

    table = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8")
    return table.assign(score=pd.to_numeric(table["score"]))


def summary(table: "pd.DataFrame", judged: "pd.DataFrame", classes: Sequence[str]) -> dict:
    """Return counts: ``images`` judged, suspects in ``total``, by ``reason``, and by class.

    ``given.<class>`` counts the suspects of a class, ``suggested.<class>`` those that should rather be in it, and
    ``pairs.<given>.<suggested>`` both at once, where there are any.
    """
    pairs = table.groupby(["given_label", "suggested_label"]).size()
    return {
        "images": len(judged),
        "total": len(table),
        "reason": {reason: int(count) for reason, count in table["reason"].value_counts().items()},
        "given": {name: int((table["given_label"] == name).sum()) for name in classes},
        "suggested": {name: int((table["suggested_label"] == name).sum()) for name in classes},
        "pairs": {
            given: {suggested: int(count) for suggested, count in pairs[given].items()}
            for given in pairs.index.get_level_values(0).unique()
        },
    }


def planted(table: "pd.DataFrame", judged: "pd.DataFrame", truth: "pd.DataFrame") -> dict:
    """Hold the suspects against the truth about a drawn archive: how many wrong labels were planted, and found.

    Args:
        truth: see ``scenes.synthetic.ground_truth``.

    Returns:
        ``count`` of the wrong labels, ``precision`` and ``recall`` of the table; and of the classifier alone
        ``model.{count,precision,recall,precision_at_count}``: among the images it judged, without the duplicates, the
        last being the share of wrong labels among the ``count`` images of the lowest score.
    """
    labelled = truth[truth["label"] != ""]
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


def _precision_and_recall(found: "pd.Series", wrong: set[str]) -> dict:
    hits = int(found.isin(wrong).sum())
    return {"precision": _share(hits, len(found)), "recall": _share(hits, len(wrong))}


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def format_summary(numbers: dict) -> str:
    """Return a line or two for a person on what :func:`summary` and :func:`planted` count."""
    text = f"label issues: {numbers['total']:,}; {numbers['images']:,} images judged"
    if "planted" in numbers:
        planted = numbers["planted"]
        text += (
            f"\nwrong labels planted: {planted['count']:,}; precision {planted['precision']:.2f}, recall "
            f"{planted['recall']:.2f}; of the first {planted['model']['count']:,} by score "
            f"{planted['model']['precision_at_count']:.0%} are wrong"
        )
    return text
