"""The pretrained weights, if they are at hand, load into the whole network and tell images apart."""

from pathlib import Path

import numpy as np
import pytest

from scenes.backbones import backbone, weights

pytestmark = pytest.mark.usefixtures("deterministic")
NAME = "EfficientNetV2B0"
FILE = Path(__file__).parents[3] / "shared" / "data" / "efficientnetv2b0_notop.weights.h5"


@pytest.mark.skipif(not FILE.exists(), reason="no pretrained weights at hand")
def test_the_pretrained_weights_tell_images_apart(tmp_path, monkeypatch):
    network = backbone.build(NAME, 64)
    # Building it again takes longer than all else; each file that is loaded gives it all its weights anew.
    monkeypatch.setattr(backbone, "_build_one", lambda name, image_size: {NAME: network}[name])
    weights.acquire(tmp_path, NAME, f"file:{FILE}", sha256=None, partial=tmp_path / "partial")
    images = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    features = np.asarray(backbone.load(tmp_path, 64)(images, training=False))
    assert np.isfinite(features).all()
    assert (features.std(axis=0) > 0).any()
