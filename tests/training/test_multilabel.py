"""Losses for single positive labels: against values worked out by hand and against NumPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scenes.training import multilabel

pytestmark = pytest.mark.usefixtures("deterministic")


def logit(probability):
    return math.log(probability / (1 - probability))


def reference(positives, logits, rejected):
    """The definition, an entry at a time."""
    losses = np.where(positives > 0, np.logaddexp(0, -logits), np.logaddexp(0, logits))
    unknown = sorted(logits[positives == 0], reverse=True)
    number = int(rejected * len(unknown))
    limit = unknown[number - 1] if number else np.inf
    return np.where((positives == 0) & (logits >= limit), 0, losses).mean(axis=1)


def test_the_naive_loss_by_hand():
    positives = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    logits = np.array([[logit(0.9), logit(0.2), logit(0.6)], [logit(0.5), 0, 0]], np.float32)
    expected = [-(math.log(0.9) + math.log(0.8) + math.log(0.4)) / 3, math.log(2)]
    np.testing.assert_allclose(multilabel.assume_negative(positives, logits), expected, rtol=1e-5)


def test_it_is_the_binary_crossentropy_of_keras():
    import keras

    rng = np.random.default_rng(0)
    positives = np.eye(6, dtype=np.float32)[rng.integers(6, size=10)]
    logits = rng.normal(size=(10, 6), scale=5).astype(np.float32)
    expected = keras.losses.binary_crossentropy(positives, logits, from_logits=True)
    np.testing.assert_allclose(multilabel.assume_negative(positives, logits), expected, rtol=1e-5)


def test_large_loss_rejection_by_hand():
    """Of four unknown entries a quarter is left out: the 0.6, whose loss is the largest of theirs."""
    positives = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    logits = np.array([[logit(0.1), logit(0.2), logit(0.6)], [logit(0.5), logit(0.3), logit(0.9)]], np.float32)
    expected = [-(math.log(0.1) + math.log(0.8)) / 3, -(math.log(0.5) + math.log(0.7) + math.log(0.9)) / 3]
    found = multilabel.large_loss_rejection(positives, logits, rejection_rate=0.25)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 8).flatmap(
        lambda rows: st.tuples(
            st.lists(st.integers(0, 3), min_size=rows, max_size=rows),
            arrays.arrays(np.float32, (rows, 4), elements=st.floats(-50, 50, width=16)),
        )
    ),
    st.sampled_from([0.0, 0.125, 0.25, 0.5]),  # exact in binary: else two ways of rounding would be compared
)
def test_it_is_what_numpy_gives(example, rejection_rate):
    labels, logits = example
    positives = np.eye(4, dtype=np.float32)[labels]
    found = multilabel.large_loss_rejection(positives, logits, rejection_rate=rejection_rate)
    np.testing.assert_allclose(found, reference(positives, logits, rejection_rate), rtol=1e-4, atol=1e-6)


def test_what_is_rejected_has_no_gradient_and_the_rest_has():
    import tensorflow as tf

    positives = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    logits = tf.Variable([[-9.0, 1.0, 3.0], [2.0, -1.0, 9.0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(multilabel.large_loss_rejection(positives, logits, rejection_rate=0.5))
    gradient = tape.gradient(loss, logits).numpy()
    # Of the unknown, 3 and 2 lose the most.
    assert (gradient == 0).tolist() == [[False, False, True], [True, False, False]]
    assert gradient[0, 0] < 0
    assert gradient[0, 1] > 0
    assert np.isfinite(gradient).all()
