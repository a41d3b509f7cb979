"""What the classifier of a trained model, its last layers, is fed with: the features that it sees of an image."""

from pathlib import Path

from scenes import cnn, embedder, embeddings, model, records
from scenes.embeddings import Embeddings
from scenes.model_folder import describe

_BATCH_SIZE = 64  # images at a time; bounds the memory that their activations take


def load(folder: str | Path, data: str | Path, split: str) -> Embeddings:
    """Return the features of ``split``: of a head those of its backbone, of a CNN the averages over its last maps.

    Args:
        folder: of the model. A CNN has learned from the labels of the training images, wrong ones included, and so
            have its features.
        data: the folder that holds what the model learned from, ``records`` or ``embeddings``.
    """
    description = describe(folder)
    source = Path(data) / description["input"]
    if description["kind"] == "head":
        return embeddings.load(source, split)
    embed = embedder.compiled(cnn.penultimate(model.load_network(folder)))
    return embedder.compute(embed, records.open_records(source, split), batch_size=_BATCH_SIZE, desc=split)
