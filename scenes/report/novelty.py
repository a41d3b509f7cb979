"""What the report says of the distance to the training images, see ``scenes.evaluation.novelty_scores``."""

from collections.abc import Mapping
from typing import Any

from scenes.report.numbers import count, percent, score


def sentences(scores: Mapping[str, Any]) -> list[str]:
    """Return when an image counts as unlike the training images, and how well that works for other images.

    Args:
        scores: the section ``novelty`` of data/scores/production.json.
    """
    above, drawings, left_out = scores["unlike_above"], scores["drawings"], scores["left_out"]
    if above is None:
        found = ["No image counts as unlike the training images: there are too few validation images for a threshold."]
    else:
        found = [
            f"An image counts as unlike the training images if the cosine distance of its features to those of the "
            f"nearest of {count(scores['images'])} training images is above {score(above)}. That is a remark: it is "
            f"classified all the same. About {percent(scores['share'], 0)} of images like the validation images get it."
        ]
    if drawings is None:
        found.append("Other kinds of pictures: not measured, because the model learned from drawings.")
    else:
        remarked = "" if above is None else f"; {percent(drawings['unlike'])} of them count as unlike"
        found.append(
            f"Drawings are told from the validation images with an AUROC of {score(drawings['auroc'])}{remarked}."
        )
    if left_out is None:
        found.append(
            "A class that the model does not know: not measured, because it takes ten validation images of a class and "
            "features that were not learned from the classes."
        )
    else:
        found.append(
            f"A class that the model does not know: if one class is left out of the training images, its validation "
            f"images are told from those of the other classes with an AUROC of {score(left_out['mean'])} on average, "
            f"{score(left_out['min'])} to {score(left_out['max'])} by class (0.5 is chance)."
        )
    return found
