"""The map of the features: principal components as by hand, and the same bytes twice."""

import numpy as np
from PIL import Image

from scenes.plots import feature_map


def features(count=90, seed=0):
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 3
    return (rng.normal(size=(count, 8)) + 3 * np.eye(8)[label]).astype(np.float32), label


def test_the_points_are_the_components_of_the_correlations():
    rows, _ = features()
    points, shares = feature_map.project(rows)
    scaled = (rows - rows.mean(axis=0, dtype=np.float64)) / rows.std(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(np.corrcoef(rows.astype(np.float64).T))
    expected = scaled @ vectors[:, ::-1][:, :2]
    np.testing.assert_allclose(np.abs(points), np.abs(expected), atol=1e-6)
    np.testing.assert_allclose(shares, values[::-1][:2] / values.sum(), atol=1e-6)


def test_the_sign_depends_on_the_features_alone():
    """Eigenvectors have no sign of their own. Rows in another order must not turn the map over."""
    rows, _ = features()
    points, _ = feature_map.project(rows)
    turned, _ = feature_map.project(rows[::-1])
    np.testing.assert_allclose(turned[::-1], points, atol=1e-8)


def test_the_same_features_give_the_same_bytes_unclipped(tmp_path):
    rows, label = features()
    for name in ("a.png", "b.png"):
        feature_map.plot(
            tmp_path / name, rows, label, ("forest", "glacier", "sea"), label == 2, title="All labelled images"
        )
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert min(pixels[0].min(), pixels[-1].min(), pixels[:, 0].min(), pixels[:, -1].min()) == 255


def legend_of(monkeypatch, classes: int, ringed_class: int) -> list[str]:
    rows, _ = features()
    label = np.arange(len(rows)) % classes
    figures = []
    monkeypatch.setattr(feature_map.style, "save", lambda figure, path: figures.append(figure))
    names = [f"class {number}" for number in range(classes)]
    feature_map.plot("unused.png", rows, label, names, label == ringed_class, title="t")
    return [text.get_text() for text in figures[0].axes[0].get_legend().get_texts()]


def test_each_class_has_a_colour_as_long_as_they_can_be_told_apart(monkeypatch):
    names = [f"class {number}" for number in range(20)]
    assert legend_of(monkeypatch, 20, 3)[:-1] == names


def test_of_many_classes_those_with_label_issues_have_a_colour(monkeypatch):
    # 90 images of 40 classes: the first ten have three, all others two.
    expected = [*(f"class {number}" for number in (*range(7), 30)), "32 other classes", "label issue (2)"]
    assert legend_of(monkeypatch, 40, 30) == expected


def test_a_ring_is_drawn_around_a_label_issue(tmp_path):
    rows, label = features()
    ringed = np.zeros(len(label), bool)
    feature_map.plot(tmp_path / "none.png", rows, label, ("a", "b", "c"), ringed, title="t")
    ringed[:10] = True
    feature_map.plot(tmp_path / "ten.png", rows, label, ("a", "b", "c"), ringed, title="t")
    dark = []
    for name in ("none.png", "ten.png"):
        with Image.open(tmp_path / name) as image:
            dark.append((np.asarray(image.convert("L")) < 80).sum())
    assert dark[1] > dark[0]
