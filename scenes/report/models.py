"""What a model is, in words."""

from collections.abc import Mapping
from typing import Any

_WEIGHTS = {"random": "random weights: a floor, not transfer learning", "imagenet": "pretrained on ImageNet"}


def kind_in_words(model: Mapping[str, Any], features: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the kind of a model, e.g. 'logistic regression on frozen EfficientNetLite0 (...) at 128 pixels'.

    Args:
        model: its entry under ``models`` in params.yaml.
        features: the feature sets of the profile.
    """
    if model["kind"] == "cnn":
        return "CNN from scratch"
    used = features[model["input"].removeprefix("features/")]
    state = "fine-tuned" if used["finetune"] else "frozen"
    weights = _WEIGHTS.get(used["weights"], "pretrained weights from a file")
    levels = ", all blocks" if used["levels"] == "blocks" else ""
    mirrored = ", with mirror images" if used["test_time_flip"] else ""
    backbone = used["backbone"].replace("+", " and ")
    return f"logistic regression on {state} {backbone} ({weights}) at {used['image_size']} pixels{levels}{mirrored}"
