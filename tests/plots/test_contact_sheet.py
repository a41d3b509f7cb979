"""A contact sheet holds every picture once, in order, beside its own title and caption."""

import numpy as np
import pytest

from scenes.plots import contact_sheet
from scenes.plots.contact_sheet import Cell, Section
from tests.helpers.pictures import picture, texts_beyond_the_edge


def section(length: int, name: str = "") -> Section:
    return Section(f"title {name}", [Cell(picture(number), f"{name}{number}\nx\ny") for number in range(length)])


def test_sections_do_not_overlap():
    lengths = [1, 2, 8, 3, 4, 1, 5]
    places = [(0, 0), (0, 4), (1, 0), (2, 0), (2, 4), (3, 0), (4, 0)]
    assert list(contact_sheet._places(lengths, 8)) == places


def test_a_long_section_takes_several_rows_for_itself():
    assert list(contact_sheet._places([3, 17, 2, 0, 8, 9, 1], 8)) == [
        (0, 0),
        (1, 0),
        (4, 0),
        (4, 4),
        (5, 0),
        (6, 0),
        (8, 0),
    ]


@pytest.mark.parametrize("headline", ["", "all of them"])
def test_no_picture_and_no_text_lies_on_another(headline):
    sections = [section(3, "a"), section(2, "b"), section(11, "c"), section(0, "d"), section(4, "e")]
    figure = contact_sheet.figure(sections, headline=headline)
    assert texts_beyond_the_edge(figure) == []
    assert len(figure.axes) == 20
    boxes = [axes.get_window_extent() for axes in figure.axes]
    boxes += [text.get_window_extent() for text in figure.texts]
    boxes = np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes])
    apart = (boxes[:, None, 0] >= boxes[None, :, 2]) | (boxes[:, None, 1] >= boxes[None, :, 3])
    assert (apart | apart.T | np.eye(len(boxes), dtype=bool)).all()


def test_rows_read_from_left_to_right_and_down():
    figure = contact_sheet.figure([section(20)], columns=8)
    corners = [(round(-axes.get_position().y0, 6), round(axes.get_position().x0, 6)) for axes in figure.axes]
    assert corners == sorted(corners)
    assert [len({x for _, x in corners}), len({y for y, _ in corners})] == [8, 3]
    rows = sorted({y for y, _ in corners})
    assert rows[1] - rows[0] == pytest.approx(rows[2] - rows[1], abs=1e-5)


def test_what_could_not_be_decoded_says_so():
    figure = contact_sheet.figure([Section("t", [Cell(None, "a")])])
    assert [text.get_text() for text in figure.axes[0].texts] == ["not\ndecoded"]
