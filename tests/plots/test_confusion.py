"""The confusion matrix as a picture: the same bytes twice, and legible."""

import numpy as np
from PIL import Image

from scenes.plots import confusion

CLASSES = ("buildings", "forest", "a class with a rather long name")


def test_the_same_matrix_gives_the_same_bytes(tmp_path):
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(3, size=60), rng.integers(3, size=60)
    for name in ("a.png", "b.png"):
        confusion.plot(tmp_path / name, labels, predicted, CLASSES, title="baseline")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert min(image.size) > 400
        # Nothing is clipped: the outermost pixels are paper.
        pixels = np.asarray(image.convert("L"))
        assert min(pixels[0].min(), pixels[-1].min(), pixels[:, 0].min(), pixels[:, -1].min()) == 255


def test_a_class_without_test_images_is_drawn_as_zero(tmp_path):
    confusion.plot(tmp_path / "a.png", np.array([0, 0]), np.array([0, 1]), CLASSES, title="t")
    assert (tmp_path / "a.png").stat().st_size > 0
