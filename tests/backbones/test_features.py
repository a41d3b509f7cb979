"""Features from their .npz file: what cannot be features is refused in one sentence."""

import numpy as np
import pytest

from scenes.backbones.features import Features, load_features, save_features
from scenes.common.errors import InputError

GOOD = Features(
    key=np.array([b"a.jpg", b"b.jpg", b"c.jpg"]),
    label=np.array([0, 1, -1]),
    features=np.arange(6, dtype=np.float32).reshape(3, 2),
    classes=("sea", "street"),
)


def test_what_was_saved_comes_back(tmp_path):
    save_features(tmp_path / "val.npz", GOOD)
    found = load_features(tmp_path, "val")
    for name in ("key", "label", "features"):
        np.testing.assert_array_equal(getattr(found, name), getattr(GOOD, name), strict=True)
    assert found.classes == GOOD.classes


@pytest.mark.parametrize(
    "change",
    [
        {"key": GOOD.key[:2]},
        {"label": GOOD.label[:2]},
        {"features": GOOD.features[:2]},
        {"features": GOOD.features[:, 0]},
        {"features": GOOD.features.astype(np.float64)},
        {"features": np.where(GOOD.features == 3, np.nan, GOOD.features).astype(np.float32)},
        {"label": GOOD.label.astype(np.float32)},
        {"label": GOOD.label + 1},
        {"label": GOOD.label - 1},
        {"key": GOOD.label},
        {"more": GOOD.label},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_arrays_are_refused(tmp_path, change):
    arrays = {**vars(GOOD), "classes": np.array(GOOD.classes)} | change
    np.savez(tmp_path / "val.npz", **arrays)
    with pytest.raises(InputError, match=r"val\.npz is damaged \(.*\); make it again with `dvc repro`"):
        load_features(tmp_path, "val")


@pytest.mark.parametrize("missing", ["key", "label", "features", "classes"])
def test_a_missing_array_is_refused(tmp_path, missing):
    arrays = {**vars(GOOD), "classes": np.array(GOOD.classes)}
    del arrays[missing]
    np.savez(tmp_path / "val.npz", **arrays)
    with pytest.raises(InputError, match=r"val\.npz is damaged"):
        load_features(tmp_path, "val")
