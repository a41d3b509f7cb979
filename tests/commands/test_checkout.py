"""The models of a checkout by name: which there are, whether they changed, how they load."""

import json
import shutil

import numpy as np
import pytest

from scenes.commands import checkout
from scenes.common.errors import InputError
from scenes.config import schema
from tests.code_facts import ROOT
from tests.helpers.reported import write_json

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("deterministic")]
ATOL = 2e-6  # float32 sums in another order, and the sixth decimal of a file


def test_a_checkout_is_told_from_another_project(tmp_path, checkout_folder):
    assert checkout.is_checkout(ROOT)
    assert checkout.is_checkout(checkout_folder)
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).touch()
    assert not checkout.is_checkout(tmp_path)


@pytest.mark.process
def test_what_there_is_to_choose_from(pipeline, tmp_path):
    assert checkout.available_models(pipeline.one) == ["production", "baseline", "finetuned", "transfer"]
    assert checkout.available_models(tmp_path) == []


@pytest.mark.process
def test_the_models_compared_say_what_they_said_in_the_pipeline(pipeline):
    """The one in production is one of them; its threshold is that which `select` chose."""
    model = checkout.load(pipeline.one, checkout.PRODUCTION, unsure_below="precision_90")
    chosen = json.loads((pipeline.one / "models/production/model.json").read_text())
    unsure_below = schema.check(pipeline.one / "params.yaml").select.unsure_below
    same = checkout.load(pipeline.one, model.name, unsure_below=unsure_below)
    assert (same.classes, same.size) == (model.classes, model.size) == (tuple(chosen["classes"]), model.size)
    assert same.unsure_below == pytest.approx(model.unsure_below, abs=1e-6)
    assert same.presence_calibration == model.presence_calibration
    images = list(np.random.default_rng(0).integers(0, 256, (4, model.size, model.size, 3), np.uint8))
    for one, other in zip(same.predict(images), model.predict(images), strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=ATOL)
        np.testing.assert_allclose(one.presence, other.presence, atol=ATOL)


@pytest.mark.parametrize(
    ("name", "missing", "sentence"),
    [
        ("transfer", "data/features/frozen/backbone.json", ".*/frozen/backbone.json is missing; "),
        ("transfer", "models/transfer/model.weights.h5", ".*/transfer/model.weights.h5 is missing; "),
        ("baseline", "models/baseline/model.weights.h5", ".*/baseline/model.weights.h5 is missing; "),
    ],
)
@pytest.mark.process
def test_a_model_of_which_a_part_was_not_fetched_is_one_sentence(name, missing, sentence, pipeline, tmp_path):
    for part in ("data/validation_scores", "data/records", "data/features", "models"):
        shutil.copytree(pipeline.one / part, tmp_path / part)
    checkout.load(tmp_path, name, unsure_below="precision_90")
    before = checkout.fingerprint(tmp_path, name)
    (tmp_path / missing).unlink()
    with pytest.raises(InputError, match=f"^{sentence}.*`dvc pull`"):
        checkout.load(tmp_path, name, unsure_below="precision_90")
    assert (checkout.fingerprint(tmp_path, name) != before) == missing.startswith("models")


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"production/model\.json is missing; make it with `dvc repro`"):
        checkout.load(tmp_path, checkout.PRODUCTION, unsure_below="precision_90")
    with pytest.raises(
        InputError, match="no model 'a'; make the models with `dvc repro` or fetch them with `dvc pull`"
    ):
        checkout.load(tmp_path, "a", unsure_below="precision_90")
    for name in ("baseline", "transfer"):
        write_json(tmp_path / f"data/validation_scores/{name}.json", {"accuracy": 0.5})
    with pytest.raises(InputError, match="no model 'typo'; use one of baseline, transfer, or get the others"):
        checkout.load(tmp_path, "typo", unsure_below="precision_90")
    with pytest.raises(InputError, match="baseline needs data/records, which is missing; fetch it with `dvc pull"):
        checkout.load(tmp_path, "baseline", unsure_below="precision_90")


def test_a_model_without_its_feature_set_is_not_offered_and_says_why(tmp_path):
    for name in ("data/validation_scores/finetuned.json", "data/records/index.json"):
        write_json(tmp_path / name, {})
    assert checkout.available_models(tmp_path) == []
    with pytest.raises(InputError, match="the model finetuned was not trained, because this profile does not enable"):
        checkout.load(tmp_path, "finetuned", unsure_below="precision_90")
