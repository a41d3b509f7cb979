"""What the report says of images unlike the training images, also where a part could not be measured."""

import pytest

from scenes.report import context, novelty, render
from tests.helpers import reported


def test_both_measurements_are_in_the_report_and_the_model_card(tmp_path):
    facts = context.context(reported.paths(reported.folder(tmp_path)), **reported.settings())
    for text in (render.html(facts), render.model_card(facts)):
        text = text.replace("\N{NO-BREAK SPACE}", " ")
        assert "nearest of 1,000 training images is above 0.088" in text
        assert "About 5 % of images like the validation images get it" in text
        assert "told from the validation images with an AUROC of 0.969; 78.3 % of them count as unlike" in text
        assert "those of the other classes with an AUROC of 0.772 on average, 0.537 to 0.983 by class" in text


@pytest.mark.parametrize(
    ("part", "said", "unsaid"),
    [
        ("unlike_above", "too few validation images for a threshold", "count as unlike"),
        ("drawings", "Other kinds of pictures: not measured", "Drawings are told"),
        ("left_out", "A class that the model does not know: not measured", "by class"),
    ],
)
def test_what_was_not_measured_is_said(part, said, unsaid):
    text = " ".join(novelty.sentences(reported.novelty(**{part: None})))
    assert said in text
    assert unsaid not in text
