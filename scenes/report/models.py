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
    state, backbone, weights = _backbone(used)
    levels = ", all blocks" if used["levels"] == "blocks" else ""
    mirrored = ", with mirror images" if used["test_time_flip"] else ""
    return f"logistic regression on {state} {backbone} ({weights}) at {used['image_size']} pixels{levels}{mirrored}"


def sentence(model: Mapping[str, Any], features: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the kind of a model as a sentence, for readers who do not know the project.

    Args:
        model, features: see :func:`kind_in_words`.
    """
    if model["kind"] == "cnn":
        return "A convolutional neural network, trained from scratch."
    used = features[model["input"].removeprefix("features/")]
    state, backbone, weights = _backbone(used)
    levels = "features of all blocks of" if used["levels"] == "blocks" else "features of"
    size = f"images resized to {used['image_size']} x {used['image_size']} pixels"
    mirrored = ", each also as its mirror image" if used["test_time_flip"] else ""
    return f"A logistic regression on {levels} {backbone} ({state}, {weights}; {size}{mirrored})."


def _backbone(used: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return state, name and weights of the backbone of a feature set, in words."""
    state = "fine-tuned" if used["finetune"] else "frozen"
    weights = _WEIGHTS.get(used["weights"], "pretrained weights from a file")
    return state, used["backbone"].replace("+", " and "), weights
