"""The pictures of the report: their titles and their order."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scenes.common.files import visible
from scenes.process.runtime import cores
from scenes.report import embedded_image

# By file name without ending: the title of a picture, and a description of it.
MODEL_PICTURES = {
    "confusion_matrix": ("Confusion matrix", "predicted classes of the test images of each class"),
    "per_class": ("Precision and recall of each class", "two bars per class"),
    "reliability": ("Reliability", "accuracy against confidence, before and after temperature scaling"),
    "training_curves": ("Training", "accuracy and crossentropy on training and validation images by epoch"),
    "errors": ("Most confident errors", "test images with file, actual class, prediction and confidence"),
    "uncertain": ("Least confident predictions", "test images with file, actual class, prediction and confidence"),
    "gradcam": ("Grad-CAM", "test images, overlaid with what supports the predicted class"),
}
# Of a linear model, which is not trained by epochs, in the place of its training.
_VALIDATION_CURVE = (
    "Regularisation",
    "accuracy and crossentropy on training and validation images by C, the inverse strength of the L2 penalty",
)
AUDIT_PICTURES = {
    "class_balance": ("Images per class", "bars of the number of images, by class and split"),
    "findings": ("Findings", "examples of unusual, broken and duplicate images"),
    "sizes": ("Sizes", "number of images of each size"),
}
LABEL_ISSUE_PICTURES = {
    "contact_sheet": ("The most likely label issues", "images with their label and the suggested one"),
    "feature_map": (
        "All labelled images by their features",
        "a point per image in two principal components, coloured by class, label issues ringed",
    ),
}


def model_pictures(kind: str) -> dict[str, tuple[str, str]]:
    """Return ``MODEL_PICTURES`` for a kind of model, ``cnn`` or ``linear``."""
    return MODEL_PICTURES | ({"training_curves": _VALIDATION_CURVE} if kind == "linear" else {})


def load_pictures(
    folder: Path, titles: Mapping[str, tuple[str, str]], *, prefix: str = "", suffix: str = ""
) -> dict[str, dict[str, Any]]:
    """Return the PNG files under ``folder`` by name without ending: those in ``titles`` first, then the others by name.

    Args:
        titles: title and description by name; a file without a title is shown under its name.
        prefix, suffix: of every title.

    Returns:
        See ``scenes.report.embedded_image.embed``.

    Raises:
        InputError: a file is broken.
    """
    files = {path.stem: path for path in visible(folder, "**/*.png")}
    order = [name for name in titles if name in files] + sorted(files.keys() - titles.keys())
    pictures = {}
    with ThreadPoolExecutor(cores()) as threads:  # Pillow compresses without the GIL
        for name in order:
            title, description = titles.get(name, (name.replace("_", " "), ""))
            title = f"{prefix}{title}{suffix}"
            alt = f"{title}; {description}" if description else title
            pictures[name] = threads.submit(embedded_image.embed, files[name], title=title, alt=alt)
    return {name: picture.result() for name, picture in pictures.items()}
