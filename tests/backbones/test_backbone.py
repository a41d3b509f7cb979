"""The network of a feature set in a folder of its own: what is saved is what is opened."""

import json

import numpy as np
import pytest

from scenes.backbones import backbone
from scenes.common.checksum import file_hash
from scenes.common.errors import InputError
from tests.helpers.shallow_backbone import shallow_backbone  # noqa: F401

pytestmark = pytest.mark.usefixtures("deterministic", "shallow_backbone")
SIDE = 32
TINY = "tests.helpers.small_networks.tiny"
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 40, 30, 3), np.uint8)


def save(folder, name, *, levels="top", test_time_flip=False, scaling="none"):
    """Save a network with random weights, and return what it gives for ``IMAGES``."""
    network = backbone.side_by_side(backbone.build_each(name, SIDE), scaling=scaling, levels=levels)
    described = {"backbone": name, "scaling": scaling, "weights": "random", "file": "backbone.h5", "sha256": "0" * 64}
    settings = {"image_size": SIDE, "levels": levels, "test_time_flip": test_time_flip, "finetuned": True}
    backbone.save(folder, network, described | settings)
    return backbone.feature_extractor(network, test_time_flip=test_time_flip)(IMAGES, training=False).numpy()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("EfficientNetLite0", {"levels": "blocks", "test_time_flip": True}),
        (TINY, {"scaling": "tf"}),
        (f"EfficientNetLite0+EfficientNetLite1+{TINY}", {"levels": "blocks", "scaling": "unit"}),
    ],
)
def test_the_opened_network_gives_the_same_features_and_does_not_learn(tmp_path, name, settings):
    expected = save(tmp_path, name, **settings)
    extractor = backbone.open_extractor(tmp_path)
    np.testing.assert_array_equal(extractor(IMAGES, training=False), expected)
    assert extractor.trainable_variables == []
    described = json.loads((tmp_path / "backbone.json").read_text())
    assert described["sha256"] == file_hash(tmp_path / described["file"])
    assert {path.name for path in tmp_path.iterdir()} == {"backbone.json", described["file"]}


def test_what_is_missing_or_damaged_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"backbone\.json is missing; make it with"):
        backbone.open_extractor(tmp_path)
    save(tmp_path, TINY)
    weights = tmp_path / "backbone.weights.h5"
    content = weights.read_bytes()
    flipped = content[:-1] + bytes([content[-1] ^ 1])
    for damaged in (content[:2000], b"", flipped):
        weights.write_bytes(damaged)
        with pytest.raises(InputError, match="h5 is damaged; make it again with `dvc repro`"):
            backbone.open_extractor(tmp_path)
    weights.unlink()
    with pytest.raises(InputError, match="h5 is missing; make it with"):
        backbone.open_extractor(tmp_path)
    (tmp_path / "backbone.json").write_text('{"backbone": "EfficientNetLite0"}')
    with pytest.raises(InputError, match=r"backbone\.json is damaged \(it lacks image_size\); make it again"):
        backbone.open_extractor(tmp_path)
