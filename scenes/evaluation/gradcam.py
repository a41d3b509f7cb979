"""Grad-CAM heat maps: which areas of an image support a class (Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391).

The models are plain Keras and also run on JAX. Gradients are taken with TensorFlow's GradientTape, which is enough to
explain trained models.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scenes.backbones.feature_maps import top_layers

if TYPE_CHECKING:
    import keras

BATCH_SIZE = 8  # images; bounds the memory of their activations


def heat_maps(
    maps: Callable[[np.ndarray, np.ndarray], np.ndarray], images: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Return how much each pixel of an image supports a class, from 0 to 1, the maximum of that image.

    Args:
        maps: from images and targets to the result of :func:`activation_maps`, see :func:`compiled`.
        images: uint8 (n, height, width, 3).
        targets: int (n,), the class to explain for each image.

    Returns:
        float32 (n, height, width), interpolated bilinearly; all 0 if nothing supports the class.
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


def activation_maps(model: "keras.Model", images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return Grad-CAM's maps by equation 2 of the paper, at the resolution of the last activations.

    These are the last feature maps of the network, which may be in a backbone inside it; of several backbones side by
    side those of each, whose weighted sums are added at the finest of their resolutions. Features of earlier maps have
    no part in it. The score that is differentiated is the input of the softmax for the class.

    Args:
        model: from images to probabilities, see ``scenes.models.store.load``. It contains feature maps, which are
            pooled, and a Dense layer named ``probabilities``. Of a backbone that is applied twice, to an image and its
            mirror image, the first call is explained; see ``scenes.backbones.backbone.feature_extractor``.
        images, targets: see :func:`heat_maps`.

    Returns:
        float32 (n, rows, columns), not negative.
    """
    import tensorflow as tf

    return _maps(model, tf.constant(images), tf.constant(targets)).numpy()


def compiled(model: "keras.Model", image_shape: Sequence[int]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return :func:`activation_maps` of one model as a graph, which is traced here once and which threads may share.

    Args:
        model: see :func:`activation_maps`.
        image_shape: (height, width, 3) of the images.
    """
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *image_shape), tf.uint8), tf.TensorSpec((None,), tf.int64)]
    graph = tf.function(functools.partial(_maps, model), input_signature=signature).get_concrete_function()
    return lambda images, targets: graph(tf.constant(images), tf.constant(targets, tf.int64)).numpy()


def _maps(model: "keras.Model", images: Any, targets: Any) -> Any:
    """Return :func:`activation_maps`, from tensors to a tensor."""
    import tensorflow as tf

    (classifier,) = (layer for layer in _layers(model) if layer.name == "probabilities")
    # Record only what follows the activations: a tape of the whole backbone would take gigabytes.
    with ExitStack() as stack:
        tape = stack.enter_context(tf.GradientTape(watch_accessed_variables=False))
        tops = [stack.enter_context(_recorded(layer, tape.watch)) for layer in top_layers(model)]
        ends = stack.enter_context(_recorded(classifier))
        model(images, training=False)
        # The bias has no effect on the gradient.
        weights = tf.transpose(tf.gather(classifier.kernel.value, targets, axis=1))
        scores = tf.reduce_sum(ends[0].inputs * weights)
    activations = [calls[0].output for calls in tops]
    finest = max((each.shape[1:3] for each in activations), key=math.prod)
    total: Any = 0.0
    for activation, gradient in zip(activations, tape.gradient(scores, activations), strict=True):
        # The paper's mean for a single network; by the same number of places for all, so that they can be compared.
        weights = tf.reduce_sum(gradient, axis=(1, 2), keepdims=True) / math.prod(finest)
        coarse = tf.cast(tf.reduce_sum(weights * activation, axis=-1, keepdims=True), tf.float32)
        total += coarse if coarse.shape[1:3] == finest else tf.image.resize(coarse, finest)
    return tf.nn.relu(total[..., 0])


def _layers(model: "keras.Model") -> "Iterator[keras.Layer]":
    """Yield the layers of a model in order, and in place of a model inside it the layers of that model."""
    for layer in model.layers:
        yield from _layers(layer) if hasattr(layer, "layers") else [layer]


class _Call(NamedTuple):
    """What a layer was given and returned."""

    inputs: Any
    output: Any


@contextmanager
def _recorded(layer: "keras.Layer", watch: Callable[[Any], None] = lambda tensor: None) -> Iterator[list[_Call]]:
    """Yield a list that collects the calls of ``layer``; each output is passed to ``watch`` before anything uses it.

    Keras cannot cut a model at a layer of a model inside it, so the layer's ``call`` is wrapped.
    """
    recorded: list[_Call] = []
    call = layer.call

    def recording_call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        output = call(inputs, *args, **kwargs)
        watch(output)
        recorded.append(_Call(inputs, output))
        return output

    layer.call = recording_call
    try:
        yield recorded
    finally:
        del layer.call  # uncovers the method of the class
