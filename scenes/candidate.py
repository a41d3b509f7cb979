"""A trained model as `select` weighs it: by its scores on validation images, and by nothing of the test images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenes import contains_scores, model_folder
from scenes.contains import CHOSEN


def describe(
    folder: str | Path, contains_folder: str | Path, val: Mapping[str, Any], contains: Mapping[str, Any]
) -> dict:
    """Return what is known of a model without the test images.

    Args:
        folder: of the model.
        contains_folder: of its second output.
        val: its scores on validation, see ``scenes.metrics.classification``.
        contains: see ``scenes.contains_scores.evaluate``.

    Returns:
        ``sha256``: the hashes of the files in both folders, so that another model is another candidate; ``val``; and
        ``contains_above``, the threshold of the second output, which was chosen on composites of validation images.
    """
    return {
        "sha256": {"model": model_folder.hashes(folder), "contains": model_folder.hashes(contains_folder)},
        "val": val,
        "contains_above": contains["val"]["composites"][contains_scores.NAMES[CHOSEN]]["threshold"],
    }
