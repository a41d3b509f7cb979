"""Where in an image a network finds its class: Grad-CAM (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391).

The gradients are taken with TensorFlow's GradientTape. The models are plain Keras, to run on JAX as well; this only
looks at them once they are trained.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from scenes.plots import contact_sheet, galleries, style
from scenes.plots.contact_sheet import Cell, Section, short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

BATCH_SIZE = 8  # of images; bounds the memory that their activations take
_EXAMPLES = 2  # of each class, right ones and wrong ones
_CLASSES = 12  # that the sheet shows
_GAP = 0.03  # between an image and its overlay, in widths


def heat_maps(
    maps: Callable[[np.ndarray, np.ndarray], np.ndarray], images: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Return how much each place of an image speaks for a class, from 0 to 1, the image's own maximum.

    Args:
        maps: of images and targets, what :func:`activation_maps` returns; see :func:`compiled`.
        images: uint8 (n, height, width, 3).
        targets: int (n,), the class to explain for each image.

    Returns:
        float32 (n, height, width), interpolated bilinearly; all 0 where nothing speaks for the class.
    """
    import keras

    parts = [
        maps(images[start : start + BATCH_SIZE], targets[start : start + BATCH_SIZE])
        for start in range(0, len(images), BATCH_SIZE)
    ]
    coarse = np.concatenate(parts)[..., None]
    fine = keras.ops.convert_to_numpy(keras.ops.image.resize(coarse, images.shape[1:3], interpolation="bilinear"))
    highest = fine.max(axis=(1, 2, 3), keepdims=True)
    return np.divide(fine, highest, out=np.zeros_like(fine), where=highest > 0)[..., 0]


def activation_maps(model, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return Grad-CAM's maps as the paper's equation 2 gives them, at the resolution of the last activations.

    Those are what the last global average pooling of the network is fed, be it in a backbone inside it. The score whose
    gradient is taken is the class's input to the softmax.

    Args:
        model: keras.Model from images to probabilities, such as ``scenes.models.store.load`` returns: there is a
            GlobalAveragePooling2D in it, and a Dense layer named ``probabilities``. A backbone that is
            applied to an image and to its mirror image is looked at as it sees the image.
        images, targets: see :func:`heat_maps`.

    Returns:
        float32 (n, rows, columns), not negative.
    """
    import tensorflow as tf

    return _maps(model, tf.constant(images), tf.constant(targets)).numpy()


def compiled(model, image_shape: Sequence[int]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return :func:`activation_maps` of one model as a graph, which is made here once and which threads may share.

    Args:
        model: see :func:`activation_maps`.
        image_shape: (height, width, 3) of the images.
    """
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *image_shape), tf.uint8), tf.TensorSpec((None,), tf.int64)]
    graph = tf.function(functools.partial(_maps, model), input_signature=signature).get_concrete_function()
    return lambda images, targets: graph(tf.constant(images), tf.constant(targets, tf.int64)).numpy()


def _maps(model, images, targets):
    """Return what :func:`activation_maps` does, from tensors to a tensor."""
    import keras
    import tensorflow as tf

    layers = list(_layers(model))
    pooling = [layer for layer in layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)][-1]
    (classifier,) = (layer for layer in layers if layer.name == "probabilities")
    # Only what comes after the activations is recorded: a tape of the whole backbone would take gigabytes.
    with (
        tf.GradientTape(watch_accessed_variables=False) as tape,
        _inputs(pooling, tape.watch) as activations,
        _inputs(classifier) as features,
    ):
        model(images, training=False)
        # The bias is left out, as it has no part in the gradient.
        scores = tf.reduce_sum(features[0] * tf.transpose(tf.gather(classifier.kernel.value, targets, axis=1)))
    gradients = tape.gradient(scores, activations[0])
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    return tf.cast(tf.nn.relu(tf.reduce_sum(weights * activations[0], axis=-1)), tf.float32)


def _layers(model) -> Iterator:
    """Yield the layers of a model in their order, and those of models in it in their places."""
    for layer in model.layers:
        yield from _layers(layer) if hasattr(layer, "layers") else [layer]


@contextmanager
def _inputs(layer, see: Callable = lambda tensor: None):
    """Yield a list to which each call of ``layer`` adds what it is fed, after a call of ``see`` with it.

    A Keras model cannot be cut at a layer of a model inside it, so the layer tells as it is called.
    """
    fed, call = [], layer.call

    def telling(inputs, *args, **kwargs):
        see(inputs)
        fed.append(inputs)
        return call(inputs, *args, **kwargs)

    layer.call = telling
    try:
        yield fed
    finally:
        del layer.call  # the class has its own


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return uint8 (height, width, 3): the image in grey under a heat map that is brightest where it is 1.

    Args:
        image: uint8 (height, width, 3).
        heat: float (height, width), 0 to 1.
    """
    import matplotlib as mpl

    grey = np.asarray(Image.fromarray(image).convert("L"), np.float64)[..., None]
    colours = mpl.colormaps[style.HEAT](heat)[..., :3] * 255
    return np.rint(0.45 * grey + 0.55 * colours).astype(np.uint8)


def examples(predictions: "pd.DataFrame") -> "pd.DataFrame":
    """Return the images of each true class that the model was surest of, some right and some wrong, ties by key.

    Of many classes those with the most errors.

    Args:
        predictions: ``key,actual,predicted,confidence``.

    Returns:
        Rows of ``predictions``, by true class, the right ones first.
    """
    import pandas as pd

    wrong = predictions["actual"] != predictions["predicted"]
    errors = wrong.groupby(predictions["actual"]).sum().sort_index().sort_values(ascending=False, kind="stable")
    order = predictions.sort_values(["confidence", "key"], ascending=[False, True])
    parts = [
        order[(order["actual"] == name) & (wrong.reindex(order.index) == whether)].head(_EXAMPLES)
        for name in sorted(errors.index[:_CLASSES])
        for whether in (False, True)
    ]
    return pd.concat(parts, ignore_index=True)


def figure(
    chosen: "pd.DataFrame", images: Mapping[str, np.ndarray], heats: Mapping[str, np.ndarray], *, title: str
) -> "Figure":
    """Return a contact sheet: a row for each true class, what was recognised on the left, what was not on the right.

    Args:
        chosen: see :func:`examples`.
        images, heats: by key, see :func:`overlay`.
    """
    sections = []
    for name, rows in chosen.groupby("actual", sort=True):
        right = rows["actual"] == rows["predicted"]
        for part, words in ((rows[right], "recognised"), (rows[~right], "mistaken")):
            cells = [
                Cell(_pair(images[row.key], overlay(images[row.key], heats[row.key])), galleries.caption(row))
                for row in part.itertuples(index=False)
            ]
            sections.append(Section(f"{short(name, 30)}: {words if cells else f'none {words}'}", cells))
    return contact_sheet.figure(
        sections, columns=2 * _EXAMPLES, cell=1.5, aspect=2 + _GAP, caption=0.68, fontsize=9, headline=title
    )


def _pair(image: np.ndarray, laid_over: np.ndarray) -> np.ndarray:
    """Return the two side by side as one picture, a white gap between them."""
    height, width, channels = image.shape
    return np.hstack([image, np.full((height, round(_GAP * width), channels), 255, np.uint8), laid_over])
