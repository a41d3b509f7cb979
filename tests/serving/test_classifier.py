"""A model in use says what the pipeline said, whatever stands beside an image and however many ask at once."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from scenes.archive.safe_zip import SafeZip
from scenes.common.errors import InputError
from scenes.config import schema
from scenes.serving import classifier, photos
from scenes.serving.classifier import Answer, Classifier
from scenes.serving.photos import Limits

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("deterministic")]
LIMITS = Limits(10_000_000, 200, 10_000_000)
ATOL = 2e-6  # float32 sums in another order, and the sixth decimal of a file


@pytest.fixture(scope="module")
def model(pipeline) -> Classifier:
    return classifier.load(pipeline.one, classifier.PRODUCTION, unsure_below="precision_90")


@pytest.fixture(scope="module")
def prepared(pipeline, model) -> list[np.ndarray]:
    """The unlabelled images, in the order of data/predictions.csv."""
    keys = pd.read_csv(pipeline.one / "data/predictions.csv")["key"]
    with SafeZip(pipeline.one / "data/raw/archive.zip", LIMITS.max_member_bytes, LIMITS.max_ratio) as archive:
        return [model.prepare(photos.decode(archive.read(key), LIMITS)) for key in keys]


def both(answers: list[Answer]) -> np.ndarray:
    return np.array([np.concatenate(answer) for answer in answers])


def test_what_there_is_to_choose_from(pipeline, tmp_path):
    assert classifier.available_models(pipeline.one) == ["production", "baseline", "efficientnetv2l"]
    assert classifier.available_models(tmp_path) == []


def test_the_models_compared_say_what_they_said_in_the_pipeline(pipeline, model, prepared):
    """The one in production is one of them; its threshold is that which `select` chose."""
    chosen = json.loads((pipeline.one / "models/production/model.json").read_text())
    unsure_below = schema.check(pipeline.one / "params.yaml").select.unsure_below
    same = classifier.load(pipeline.one, model.name, unsure_below=unsure_below)
    assert (same.classes, same.size) == (model.classes, model.size) == (tuple(chosen["classes"]), len(prepared[0]))
    assert same.unsure_below == pytest.approx(model.unsure_below, abs=1e-6)
    assert same.presence_above == pytest.approx(model.presence_above, abs=1e-6)
    np.testing.assert_allclose(both(same.predict(prepared)), both(model.predict(prepared)), atol=ATOL)


@pytest.mark.parametrize(
    ("name", "missing", "message"),
    [
        ("efficientnetv2l", "data/weights/backbone.json", "there is no backbone in .*data/weights; "),
        ("efficientnetv2l", "models/efficientnetv2l/model.weights.h5", "the model efficientnetv2l can't be loaded "),
        ("baseline", "models/multilabel/baseline/presence.weights.h5", "the model baseline can't be loaded "),
    ],
)
def test_a_model_of_which_a_part_was_not_fetched_is_one_sentence(name, missing, message, pipeline, tmp_path):
    for part in ("data/validation_scores", "data/records", "data/weights", "data/finetuned", "models"):
        shutil.copytree(pipeline.one / part, tmp_path / part)
    classifier.load(tmp_path, name, unsure_below="precision_90")
    before = classifier.fingerprint(tmp_path, name)
    (tmp_path / missing).unlink()
    with pytest.raises(InputError, match=f"{message}.*`dvc pull`"):
        classifier.load(tmp_path, name, unsure_below="precision_90")
    assert (classifier.fingerprint(tmp_path, name) != before) == missing.startswith("models")


def test_neither_order_nor_company_changes_an_answer(model, prepared):
    expected = both(model.predict(prepared))
    assert expected.dtype == np.float32
    np.testing.assert_allclose(both(model.predict(prepared[::-1]))[::-1], expected, atol=ATOL)
    np.testing.assert_allclose(both([model.predict([pixels])[0] for pixels in prepared]), expected, atol=ATOL)
    np.testing.assert_allclose(both(model.predict(prepared * 5)), np.tile(expected, (5, 1)), atol=ATOL)


def test_many_may_ask_at_once(model, prepared):
    expected = both(model.predict(prepared))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda index: model.predict([prepared[index % len(prepared)]])[0], range(80)))
    np.testing.assert_allclose(both(found), np.take(expected, np.arange(80) % len(prepared), axis=0), atol=ATOL)


def test_what_is_said_of_an_answer(model):
    count = len(model.classes)
    probabilities = np.full(count, 0.1, np.float32)
    probabilities[2] = 1 - 0.1 * (count - 1)
    contains = np.full(count, model.presence_above, np.float32) - 1e-3
    contains[[1, 3]] = model.presence_above + 1e-3, 1
    answer = Answer(probabilities, contains)
    assert model.top(answer, 2) == [
        (model.classes[2], pytest.approx(probabilities[2])),
        (model.classes[0], pytest.approx(0.1)),
    ]
    assert len(model.top(answer, 100)) == count
    assert model.contained(answer) == [model.classes[3], model.classes[1]]
    assert model.confidence(answer) == round(float(probabilities[2]), 6)
    assert model.unsure(answer) == (model.confidence(answer) < model.unsure_below)
    assert model.confidence(Answer(np.eye(count, dtype=np.float32)[0], contains)) == 0.999999


def test_a_model_that_is_not_there(tmp_path, pipeline):
    with pytest.raises(InputError, match=r"no model 'nonesuch'; make it with `dvc repro evaluate@nonesuch`"):
        classifier.load(pipeline.one, "nonesuch", unsure_below="precision_90")
    with pytest.raises(InputError, match=r"there is no model in .*production; make it with `dvc repro`"):
        classifier.load(tmp_path, classifier.PRODUCTION, unsure_below="precision_90")
    shutil.copytree(pipeline.one / "data/validation_scores", tmp_path / "data/validation_scores")
    with pytest.raises(InputError, match="no model 'baseline'"):
        classifier.load(tmp_path, "baseline", unsure_below="precision_90")
