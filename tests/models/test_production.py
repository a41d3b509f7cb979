"""The folder of the model in production: what it holds, and what is said when it is not there."""

import json

import keras
import numpy as np
import pytest

from scenes.common.errors import InputError
from scenes.models import cnn, store

pytestmark = pytest.mark.usefixtures("deterministic")
DESCRIPTION = {
    "model": "baseline",
    "classes": ["a", "b"],
    "image_shape": [16, 16, 3],
    "fit": "crop",
    "calibrated": True,
    "drawn": True,
    "unsure_below": 0.9,
    "unlike_above": 0.25,
    "presence": {"slope": [1.0, 2.0], "intercept": [0.0, -1.0]},
}


def test_model_and_description_come_back(tmp_path):
    keras.utils.set_random_seed(3)
    network = cnn.build((16, 16, 3), 2, filters=[4], dropout=0.0)
    store.save_production(tmp_path, network, DESCRIPTION)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.keras"]
    found, description = store.load_production(tmp_path)
    assert description == DESCRIPTION
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    np.testing.assert_allclose(found.predict(images, verbose=0), network.predict(images, verbose=0), atol=1e-6)


@pytest.mark.parametrize(
    "text",
    ["", "{", "not JSON", "[1, 2]", "null", '"model"', '{"model": "a"}', "[" * 100_000, "\udcff"],
    ids=["empty", "cut short", "text", "list", "null", "string", "too little", "deep", "no text"],
)
def test_a_description_that_is_none(tmp_path, text):
    (tmp_path / "model.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"model\.json is damaged.*; make it again with `dvc repro`") as caught:
        store.load_production(tmp_path)
    assert str(caught.value).isprintable()


def test_a_description_without_its_model(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps(DESCRIPTION))
    with pytest.raises(InputError, match=r"model\.keras is missing; make it with `dvc repro`"):
        store.load_production(tmp_path)


def test_without_a_model_it_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"model\.json is missing; make it with .*dvc repro.*dvc pull"):
        store.load_production(tmp_path / "nothing")
