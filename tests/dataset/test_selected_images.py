"""A few images by their keys: those that a full load gives."""

import numpy as np
import pytest

from scenes.dataset import records, selected_images

pytestmark = pytest.mark.usefixtures("deterministic")


def test_the_images_are_those_asked_for(folder):
    split = records.open_records(folder, "train")
    everything = records.load(split)
    every = dict(zip(everything["key"].tolist(), everything["image"], strict=True))
    found = selected_images.read_selected(split, ["t/40.jpg", "t/3.jpg", "t/3.jpg", "t/17.jpg"])
    assert set(found) == {"t/40.jpg", "t/3.jpg", "t/17.jpg"}
    for key, image in found.items():
        np.testing.assert_array_equal(image, every[key.encode()])
    assert selected_images.read_selected(split, []) == {}


def test_an_unknown_key_is_refused(folder):
    with pytest.raises(KeyError, match="elsewhere"):
        selected_images.read_selected(records.open_records(folder, "val"), ["v/1.jpg", "elsewhere"])
