"""Settings are refused before anything runs, and read as DVC reads them."""

import pytest
import yaml

from scenes.common.errors import InputError
from scenes.experiments.settings import absolute_files, applied
from tests.code_facts import ROOT

PARAMS = ROOT / "params.yaml"


def test_what_is_set_is_set_and_nothing_else():
    expected = yaml.safe_load(PARAMS.read_text())
    expected["models"]["baseline"]["training"]["learning_rate"] = 0.0004
    expected["models"]["baseline"]["network"]["filters"] = [8, 9]
    expected["profiles"]["intel"]["features"]["frozen"]["weights"] = "file:../a b.h5"
    settings = (
        "models.baseline.training.learning_rate=0.0004",
        "models.baseline.network.filters=[8, 9]",
        "profiles.intel.features.frozen.weights='file:../a b.h5'",
    )
    assert applied(settings, PARAMS) == expected


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (
            "models.baseline.training.epoch=5",
            "has no `models.baseline.training.epoch`; did you mean `models.baseline.training.epochs`?",
        ),
        ("nonesuch=5", "params.yaml has no `nonesuch`; look it up in params.yaml"),
        ("models.baseline.training.epochs=0", "`models.baseline.training.epochs`: Input should be greater than 0"),
        ("models.baseline.training.epochs=1,2", "models.baseline.training.epochs=1,2"),
        ("models.baseline.training.epochs", "models.baseline.training.epochs"),
        ("+more=1", "`more` is not a known key"),
        ("profile=none", "'none' is not one of demo, own, intel"),
    ],
)
def test_what_cannot_be_set_is_one_sentence(setting, words):
    with pytest.raises(InputError) as caught:
        applied([setting], PARAMS)
    assert words in str(caught.value)
    assert setting in str(caught.value)
    assert "/tmp" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_relative_files_of_the_profile_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path.parent / "o'brien, a=b"
    params = yaml.safe_load(PARAMS.read_text())
    assert absolute_files(params) == []
    params["profiles"]["demo"]["source"] = "file:../o'brien, a=b/x.zip"
    params["profiles"]["demo"]["features"]["finetuned"]["weights"] = "file:w.h5"
    params["profiles"]["intel"]["source"] = "file:other.zip"  # not the profile chosen
    profile = applied(absolute_files(params), PARAMS)["profiles"]["demo"]
    assert profile["source"] == f"file:{folder}/x.zip"
    assert profile["features"]["finetuned"]["weights"] == f"file:{tmp_path}/w.h5"
    assert absolute_files(params | {"profiles": {"demo": profile}}) == absolute_files(params)
    params["profiles"]["demo"]["source"] = ["kaggle:a/b", "file:../o'brien, a=b/x.zip"]
    profile = applied(absolute_files(params), PARAMS)["profiles"]["demo"]
    assert profile["source"] == ["kaggle:a/b", f"file:{folder}/x.zip"]
