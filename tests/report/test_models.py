"""What the report calls a model."""

import re

import pytest
import yaml

from scenes.report.models import kind_in_words
from tests.code_facts import ROOT
from tests.helpers import reported
from tests.helpers.report_page import Page, rendered
from tests.helpers.reported import FROZEN, MODELS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return reported.folder(tmp_path_factory.mktemp("pipeline"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "frozen EfficientNetV2B0 (pretrained on ImageNet) at 224 pixels"),
        (
            {"weights": "random"},
            "frozen EfficientNetV2B0 (random weights: a floor, not transfer learning) at 224 pixels",
        ),
        ({"weights": "file:/some/x.h5"}, "frozen EfficientNetV2B0 (pretrained weights from a file) at 224 pixels"),
        (
            {"finetune": {"epochs": 4}, "test_time_flip": True},
            "fine-tuned EfficientNetV2B0 (pretrained on ImageNet) at 224 pixels, with mirror images",
        ),
        (
            {"backbone": "EfficientNetLite0+EfficientNetLite2", "levels": "blocks"},
            "frozen EfficientNetLite0 and EfficientNetLite2 (pretrained on ImageNet) at 224 pixels, all blocks",
        ),
    ],
)
def test_a_linear_model(changes, said):
    found = kind_in_words(MODELS["transfer"], {"frozen": FROZEN | changes})
    assert found == f"logistic regression on {said}"


def test_the_models_of_params_have_words_of_their_own_in_every_profile():
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for profile in params["profiles"].values():
        words = {kind_in_words(model, profile["features"]) for model in params["models"].values()}
        assert len(words) == len(params["models"])


def test_the_models_are_told_apart(folder):
    html, markdown = rendered(folder)
    kinds = (
        "CNN from scratch",
        "logistic regression on frozen EfficientNetV2B0 (pretrained on ImageNet) at 224 pixels",
    )
    for name, kind, count in zip(MODELS, kinds, ("1,600,000", "1,600,001"), strict=True):
        assert re.search(rf"<li><b>{name}</b>.*: {re.escape(kind)}; {count} parameters", html)
        assert re.search(rf"^\| \*\*{name}\*\*: {re.escape(kind)} \| 8[27]\.7.% \|", markdown, re.MULTILINE)


def test_a_linear_model_has_a_validation_curve_and_a_cnn_epochs(folder):
    titles = [image["alt"] for image in Page(rendered(folder)[0]).all("img")]
    assert [title.partition(";")[0] for title in titles if "training and validation images by" in title] == [
        "Training: baseline",
        "Regularisation: transfer",
    ]
