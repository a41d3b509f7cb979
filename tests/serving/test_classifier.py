"""A model gives an image the same answer in any batch and from any number of threads."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from scenes.common.errors import InputError
from scenes.images import decode
from scenes.serving import classifier
from scenes.serving.classifier import Answer, Classifier
from tests.helpers import production_folder
from tests.helpers.pictures import picture

pytestmark = pytest.mark.usefixtures("deterministic")
ATOL = 2e-6  # float32 sums in another order


@pytest.fixture(scope="module")
def saved(tmp_path_factory, deterministic) -> Path:
    return production_folder.save(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(saved) -> Classifier:
    return classifier.from_folder(saved)


@pytest.fixture(scope="module")
def prepared(model) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [model.prepare(generator.integers(0, 256, (40, 50, 3), np.uint8)) for _ in range(12)]


def both(answers: list[Answer]) -> np.ndarray:
    return np.array([np.concatenate([answer.probabilities, answer.presence]) for answer in answers])


def test_neither_order_nor_company_changes_an_answer(model, prepared):
    expected = both(model.predict(prepared))
    np.testing.assert_allclose(both(model.predict(prepared[::-1]))[::-1], expected, atol=ATOL)
    np.testing.assert_allclose(both([model.predict([pixels])[0] for pixels in prepared]), expected, atol=ATOL)
    np.testing.assert_allclose(both(model.predict(prepared * 5)), np.tile(expected, (5, 1)), atol=ATOL)


def test_many_may_ask_at_once(model, prepared):
    expected = both(model.predict(prepared))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda index: model.predict([prepared[index % len(prepared)]])[0], range(80)))
    np.testing.assert_allclose(both(found), np.take(expected, np.arange(80) % len(prepared), axis=0), atol=ATOL)


@pytest.mark.parametrize("fit", decode.FIT_METHODS)
def test_photos_are_fitted_as_the_training_images_were(tmp_path, fit):
    file = production_folder.save(tmp_path) / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "fit": fit}))
    photo = picture(1, 90, 40)
    np.testing.assert_array_equal(classifier.from_folder(tmp_path).prepare(photo), decode.fit(photo, 32, fit))


def test_what_is_said_of_an_answer(model):
    count = len(model.classes)
    probabilities = np.full(count, 0.1, np.float32)
    probabilities[2] = 1 - 0.1 * (count - 1)
    contains = np.full(count, 0.499)
    contains[[1, 3]] = 0.5, 0.8
    answer = Answer(probabilities, contains)
    assert model.top(answer, 2) == [
        (model.classes[2], pytest.approx(probabilities[2])),
        (model.classes[0], pytest.approx(0.1)),
    ]
    assert len(model.top(answer, 100)) == count
    assert model.contained(answer) == [(model.classes[3], 0.8), (model.classes[1], 0.5)]
    assert model.presence(answer)[:3] == [*model.contained(answer), (model.classes[0], 0.499)]
    assert model.confidence(answer) == round(float(probabilities[2]), 6)
    assert model.unsure(answer) == (model.confidence(answer) < model.unsure_below)
    assert model.confidence(Answer(np.eye(count, dtype=np.float32)[0], contains)) == 0.999999


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(InputError, match=r"model\.json is missing; make it with"):
        classifier.from_folder(tmp_path)


@pytest.mark.parametrize(
    "described",
    [
        {"classes": production_folder.CLASSES[:2]},
        {"image_shape": [64, 64, 3]},
        {"image_shape": []},
        {"fit": "stretch"},
        {"unsure_below": "often"},
        {"presence": {"slope": [1.0], "intercept": [0.0]}},
        {"presence": None},
    ],
    ids=str,
)
def test_a_description_of_another_network_gets_a_sentence(saved, tmp_path, described):
    for file in saved.iterdir():
        shutil.copy(file, tmp_path)
    file = tmp_path / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | described))
    with pytest.raises(InputError, match=r"model\.json does not fit the model\.keras beside it"):
        classifier.from_folder(tmp_path)
