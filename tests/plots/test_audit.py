"""The pictures of the audit are drawn for any archive, whole, and the same every time."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scenes.audit.audit import audit
from scenes.audit.audit_table import FATAL, NOTED
from scenes.plots import audit as plots_audit
from scenes.plots import style
from tests.helpers.pictures import encode, jpeg, opened, pack, picture, sound_files, texts_beyond_the_edge

TRAIN, TEST = "seg_train/seg_train", "seg_test/seg_test"
MAX_PIXELS = 100_000


def damaged(seed: int) -> bytes:
    """A JPEG that decodes with a warning: there is an unexpected marker in its scan."""
    data = bytearray(jpeg(seed))
    middle = (data.index(b"\xff\xda") + len(data)) // 2
    data[middle : middle + 2] = b"\xff\xd5"
    return bytes(data)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """An archive in which everything is found, with names that are hard to draw."""
    files = sound_files() | {
        f"{TRAIN}/lake/text.jpg": b"no picture",
        f"{TRAIN}/lake/page.jpg": b"<!DOCTYPE html><title>404</title>",
        f"{TRAIN}/lake/scan.jpg": damaged(1010),
        f"{TRAIN}/lake/cut.jpg": jpeg(1000)[:-400],
        f"{TRAIN}/lake/huge.jpg": encode(Image.new("L", (400, 300))),
        f"{TRAIN}/lake/$x_{{1$ and $.jpg": encode(picture(1002), "PNG"),
        f"{TRAIN}/lake/grey.jpg": encode(picture(1004)[..., 0]),
        f"{TRAIN}/lake/{'very long name ' * 9}.jpg": encode(picture(1006, 90, 30)),
        f"{TRAIN}/lake/near.jpg": encode(picture(1003), quality=90),
        f"{TEST}/lake/near.jpg": encode(picture(1003), quality=60),
        f"{TRAIN}/lake/exact.jpg": jpeg(1007),
        f"{TEST}/lake/exact.jpg": jpeg(1007),
        f"{TRAIN}/lake/conflict.jpg": jpeg(1009),
        f"{TRAIN}/moor/conflict.jpg": jpeg(1009),
    }
    folder = tmp_path_factory.mktemp("found")
    with opened(pack(folder / "a.zip", files)) as archive:
        yield audit(archive, folder, max_pixels=MAX_PIXELS, near_duplicate_distance=4, processes=1).table, archive


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nothing")
    with opened(pack(folder / "a.zip", sound_files())) as archive:
        yield audit(archive, folder, max_pixels=MAX_PIXELS, near_duplicate_distance=4, processes=1).table, archive


@pytest.mark.parametrize("which", ["found", "nothing"])
def test_the_same_three_pictures_every_time(which, tmp_path, request):
    table, archive = request.getfixturevalue(which)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        plots_audit.plot(table, archive, tmp_path / name, max_pixels=MAX_PIXELS)
    drawn = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert drawn == ["class_balance.png", "findings.png", "sizes.png"]
    for name in drawn:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        with Image.open(tmp_path / "a" / name) as image:
            assert "Software" not in image.info
            assert np.asarray(image.convert("L")).min() < 128


@pytest.mark.parametrize("which", ["found", "nothing"])
def test_no_text_is_cut_off(which, request):
    table, archive = request.getfixturevalue(which)
    for figure in (
        plots_audit.class_balance(table),
        plots_audit.sizes(table),
        plots_audit.findings(table, archive, max_pixels=MAX_PIXELS),
    ):
        assert texts_beyond_the_edge(figure) == []


def counted(classes: int, splits: dict[str, int]) -> pd.DataFrame:
    """An audit in which the class of number n has n images more in train than the splits say."""
    rows = [
        (split, f"class with a rather long name, number {number:03d}")
        for number in range(classes)
        for split, images in splits.items()
        for _ in range(images + (number if split == "train" else 0))
    ]
    return pd.DataFrame(rows, columns=["split", "label"]).assign(problem="")


@pytest.mark.parametrize(("classes", "rows"), [(2, 2), (40, 40), (41, 40), (102, 40)])
def test_the_largest_and_the_smallest_of_many_classes_are_shown(classes, rows):
    figure = plots_audit.class_balance(counted(classes, {"train": 2, "val": 1, "test": 1}))
    assert figure.get_figwidth() * figure.dpi < 2500 > figure.get_figheight() * figure.dpi
    assert texts_beyond_the_edge(figure) == []
    assert [axes.get_title(loc="left").partition(":")[0] for axes in figure.axes] == ["train", "val", "test"]
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert len(widths) == rows
    if rows < classes:
        largest, smallest = range(classes + 1, classes - 19, -1), range(21, 1, -1)
        assert widths == [*largest, *smallest]
        assert f"20 smallest of {classes} classes" in figure.get_supxlabel()


def test_panels_are_those_of_the_splits_that_the_archive_has():
    figure = plots_audit.class_balance(counted(3, {"train": 2}))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["train: 9 usable images"]


def test_an_archive_of_which_nothing_can_be_decoded_has_pictures_that_say_so():
    table = counted(2, {"train": 2}).assign(problem="web_page", width=0, height=0, bytes=7)
    for figure in (plots_audit.class_balance(table), plots_audit.sizes(table)):
        assert "could be decoded" in figure.texts[0].get_text()


def test_every_finding_is_shown(found):
    table, archive = found
    figure = plots_audit.findings(table, archive, max_pixels=MAX_PIXELS)
    texts = [text.get_text() for text in figure.texts]
    assert set(table["problem"]) == {"", *FATAL, *NOTED}
    for title in plots_audit._TITLES.values():
        assert f"{title} (1)" in texts
    assert "Identical pixels in several splits (1 group)" in texts
    assert "Near duplicates in several splits (1 group)" in texts
    assert "Exact or near duplicates with different labels (1 group)" in texts
    assert [texts.count(sign) for sign in "=≈≠"] == [1, 1, 1]
    assert "train moor\nconflict.jpg" in texts
    assert len(figure.axes) == 8 + 3 * 2
    assert len([axes for axes in figure.axes if axes.images]) == 4 + 3 * 2


def test_an_archive_without_findings_says_so(nothing):
    table, archive = nothing
    figure = plots_audit.findings(table, archive, max_pixels=MAX_PIXELS)
    assert figure.texts[0].get_text().startswith("No problems")
    assert not figure.axes


def test_colours_can_be_told_apart_without_red_and_green():
    """The first colours differ in lightness or in blue and yellow, which colour-blind readers see."""
    from matplotlib.colors import to_rgb

    colours = np.array([to_rgb(colour) for colour in style.COLOURS[:6]])
    # What most colour-blind readers are left with: luminance, and blue against the rest.
    seen = np.stack([colours @ [0.3, 0.6, 0.1], colours[:, 2] - colours[:, :2].mean(axis=1)], axis=1)
    distances = np.linalg.norm(seen[:, None] - seen[None], axis=2)
    assert distances[~np.eye(6, dtype=bool)].min() > 0.08


def test_svg_is_the_same_every_time(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        figure = style.figure(3, 2)
        figure.subplots().plot([1, 2], [3, 4])
        style.save(figure, tmp_path / name / "x.svg")
    assert (tmp_path / "a/x.svg").read_bytes() == (tmp_path / "b/x.svg").read_bytes()
