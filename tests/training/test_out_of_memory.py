"""A training that needs more memory than there is says what to lower; the error is TensorFlow's, from within fit."""

import keras
import pytest

from scenes.common.errors import InputError
from scenes.dataset import records
from scenes.evaluation import inference
from scenes.models import cnn as network
from scenes.training import batches, cnn, fit
from scenes.training.finetuning import fit_backbone
from tests.helpers.exhaust import exhausted
from tests.helpers.small_records import SIZE, write
from tests.helpers.small_training import TRAINING

pytestmark = pytest.mark.usefixtures("deterministic")
AUGMENTATION = {"min_area": 0.5, "colour": 0.2}


class Large(keras.layers.Layer):
    """Takes no memory, and fails as if it took too much."""

    def call(self, inputs):
        return exhausted(inputs)


def begin_with_large(build):
    """What ``build`` returns, behind one more layer."""

    def built(*arguments, **settings):
        network = build(*arguments, **settings)
        inputs = keras.Input(network.input_shape[1:])
        return keras.Model(inputs, network(Large()(inputs)))

    return built


@pytest.fixture
def splits(tmp_path):
    write(tmp_path / "records")
    return [records.open_records(tmp_path / "records", name) for name in ("train", "val")]


def test_of_a_cnn(splits, monkeypatch):
    monkeypatch.setattr(network, "build", begin_with_large(network.build))
    train, val = splits
    sizes = {"filters": [4], "dropout": 0.1, "image_size": 20}
    settings = {"network": sizes, "augmentation": AUGMENTATION, "training": TRAINING, "cache_mb": 1}
    validation = batches.validation_images(val, 8)
    with pytest.raises(InputError) as raised:
        cnn.fit_cnn(train, validation, settings, flip=True, seed=0)
    assert str(raised.value) == (
        "out of memory in training, with batch_size 16, no gradient accumulation and image_size 20; lower one of them"
    )


@pytest.mark.parametrize("stage", ["frozen", "tuned"])
def test_of_a_backbone(splits, monkeypatch, tmp_path, stage):
    if stage == "tuned":
        monkeypatch.setattr(fit, "run", lambda *_, **__: exhausted(keras.ops.zeros((1,))))
        expected = (
            "out of memory in fine-tuning, with batch_size 16, gradient_accumulation 2 and image_size 32; halve "
            "batch_size and double gradient_accumulation, which changes no step, or lower image_size"
        )
    else:
        expected = (
            "out of memory in features, with batch_size 8; lower features.batch_size, or image_size of the feature set"
        )
    inputs = keras.Input((SIZE, SIZE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs if stage == "tuned" else Large()(inputs))
    training = {name: value for name, value in TRAINING.items() if name not in ("batch_size", "epochs")}
    with pytest.raises(InputError) as raised:
        fit_backbone(
            keras.Model(inputs, pooled),
            *splits,
            features_batch_size=8,
            probe_C=1.0,
            blocks=None,
            epochs=2,
            batch_size=16,
            gradient_accumulation=2,
            cache_mb=1,
            flip=True,
            augmentation=AUGMENTATION,
            training=training,
            seed=0,
            state=tmp_path / "state.npz",
        )
    assert str(raised.value) == expected


def test_of_predictions(splits):
    inputs = keras.Input((SIZE, SIZE, 3))
    network = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(Large()(inputs)))
    with pytest.raises(InputError, match=r"^out of memory in predictions of 64 images at a time; lower image_size, or"):
        inference.predict_records(network, splits[1])
