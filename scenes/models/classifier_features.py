"""The features that a trained model's last layers receive."""

from pathlib import Path

from scenes.backbones.features import Features, compile_extractor, compute_features, load_features
from scenes.dataset import records
from scenes.models import cnn, store

_BATCH_SIZE = 64  # images at a time; bounds the memory that their activations take


def load(folder: str | Path, data: str | Path, split: str) -> Features:
    """Return the features of ``split``: for a linear model its input, for a CNN the averages of its last maps.

    A CNN has learned from the labels of the training images, including wrong ones, so its features reflect them.

    Args:
        folder: of the model.
        data: holds what the model learned from, ``records`` or ``features/<set>``.
    """
    description = store.describe(folder)
    source = Path(data) / description["input"]
    if description["kind"] == "linear":
        return load_features(source, split)
    graph = compile_extractor(cnn.penultimate(store.load_network(folder)))
    return compute_features(graph, records.open_records(source, split), batch_size=_BATCH_SIZE, desc=split)
