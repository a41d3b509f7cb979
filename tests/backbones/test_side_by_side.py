"""Backbones side by side: the features of each, weights and their origins, and fine-tuning all of it."""

import numpy as np
import pytest

from scenes.backbones import backbone, finetuning, weights
from scenes.common.errors import InputError
from tests.helpers.shallow_backbone import shallow_backbone  # noqa: F401

pytestmark = pytest.mark.usefixtures("deterministic", "shallow_backbone")
OWN = "tests.helpers.small_networks."
NAMES = ["EfficientNetLite0", "EfficientNetLite2", f"{OWN}tiny"]
SIDE = 32


@pytest.fixture(scope="module")
def folders(tmp_path_factory, shallow_backbone):  # noqa: F811
    """Random weights of each alone, and of all of them."""
    root = tmp_path_factory.mktemp("weights")
    folders = {name: root / name for name in (*NAMES, "+".join(NAMES))}
    for name, folder in folders.items():
        folder.mkdir()
        weights.acquire(folder, name, "random", scaling="unit", sha256=None, partial=root)
    return folders


def test_the_features_are_those_of_each_one_after_the_other(folders):
    images = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    *alone, together = (
        backbone.load(folder, SIDE, levels="blocks")(images, training=False).numpy() for folder in folders.values()
    )
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, np.concatenate(alone, axis=1), rtol=1e-4, atol=1e-5)


def test_the_description_lists_the_origin_of_each(folders):
    described = backbone.describe(folders["+".join(NAMES)])
    assert (described["backbone"], described["weights"]) == ("+".join(NAMES), "random")
    assert described["side_by_side"] == [{"backbone": name} for name in NAMES]


def test_equal_sources_give_equal_bytes(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        weights.acquire(tmp_path / name, f"{OWN}tiny+{OWN}inside", "random", sha256=None, partial=tmp_path)
    contents = [{file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in "ab"]
    assert contents[0] == contents[1]
    assert set(contents[0]) == {"SHA256SUMS", "backbone.json", "backbone.weights.h5"}


def test_all_of_them_are_fine_tuned_saved_and_loaded(folders, tmp_path):
    """Though layers of two of them have the same names."""
    network, again = (backbone.load(folders["+".join(NAMES)], SIDE, levels="blocks") for _ in range(2))
    finetuning.unfreeze(network, None)
    paths = [variable.path for variable in network.trainable_variables]
    assert paths.count("stem_conv/kernel") == 2
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(variable.numpy() + rng.normal(size=variable.shape, scale=0.01))
    finetuning.save(tmp_path, network)
    with np.load(tmp_path / finetuning.WEIGHTS) as file:
        assert len(file.files) == len(paths)
    finetuning.load(tmp_path, again)
    for one, other in zip(network.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_each_has_its_own_last_block():
    network = backbone.build("EfficientNetLite0+EfficientNetV2B0", SIDE)
    finetuning.unfreeze(network, 1)
    # The number of the last block: Tan & Le 2019, table 1, and 2021, table 4.
    assert {variable.path[:6] for variable in network.trainable_variables} == {"block7", "block6", "top_co"}


def test_a_file_is_for_one_backbone(tmp_path):
    with pytest.raises(InputError, match="is for one backbone, not for EfficientNetLite0"):
        weights.acquire(tmp_path, "+".join(NAMES[:2]), "file:x.h5", sha256=None, partial=tmp_path)
    assert list(tmp_path.iterdir()) == []
