"""Out of memory in one sentence: TensorFlow's own error, alone and wrapped by Keras, and XLA's."""

import pytest

from scenes.common.errors import InputError
from scenes.process.memory import out_of_memory
from tests.helpers.exhaust import exhausted

pytestmark = pytest.mark.usefixtures("deterministic")


def by_allocating():
    import tensorflow as tf

    tf.zeros([2**48])  # a pebibyte


def in_a_graph():
    import tensorflow as tf

    tf.function(exhausted)(tf.zeros([1]))


def wrapped_by_keras():
    import keras

    class Large(keras.layers.Layer):
        def call(self, inputs):
            return exhausted(inputs)

    Large()(keras.ops.zeros((1, 1)))


def by_xla():
    raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 68719476736 bytes.")  # as JAX does


@pytest.mark.parametrize(
    "exhaust",
    # TensorFlow tries for ten seconds to allocate the memory.
    [pytest.param(by_allocating, marks=pytest.mark.slow), in_a_graph, wrapped_by_keras, by_xla],
)
def test_it_says_what_to_lower(exhaust):
    with pytest.raises(InputError) as raised, out_of_memory("in training, with batch_size 64; lower it"):
        exhaust()
    assert str(raised.value) == "out of memory in training, with batch_size 64; lower it"


@pytest.mark.parametrize("error", [ValueError("shapes (2,) and (3,)"), InputError("memory"), KeyboardInterrupt()])
def test_other_errors_pass(error):
    with pytest.raises(type(error)) as raised, out_of_memory("in training"):
        raise error
    assert raised.value is error
