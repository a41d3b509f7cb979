"""The report as a page and as Markdown, and the model card: the page needs nothing else, and no data breaks them."""

import re

import pytest
import yaml

from scenes.report import render
from tests.helpers import browser, reported
from tests.helpers.report_page import Page, facts, rendered, tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return reported.folder(tmp_path_factory.mktemp("pipeline"))


def test_the_page_is_well_formed_and_its_contents_lead_somewhere(folder):
    page = Page(rendered(folder)[0])
    ids = page.ids()
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in page.all("a")]
    assert {link[1:] for link in links if link.startswith("#")} == set(ids)


def test_the_page_loads_nothing(folder):
    html, _ = rendered(folder)
    page = Page(html)
    loaded = [value for tag, attrs in page.tags for name, value in attrs.items() if name in ("src", "srcset", "poster")]
    assert loaded
    assert all(value.startswith("data:image/") for value in loaded)
    assert not any(page.all(tag) for tag in ("script", "link", "iframe", "object", "base"))
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in html


@pytest.mark.parametrize("count", [2, 10, 40, 102])
def test_any_number_of_classes_with_any_names_is_shown_as_text(count, tmp_path):
    classes = reported.odd_classes(count)
    folder = reported.folder(tmp_path, classes=classes)
    found = facts(folder, title="<b>Ours</b> & *yours*")
    html, short, card = render.html(found), render.markdown(found), render.model_card(found)
    page = Page(html)  # which checks that each tag is closed in its place
    assert not page.all("script")
    assert "<b>Ours</b> & *yours*" in page.text
    assert all(each["name"] in page.text for each in found["by_class"])
    assert ("Confusion matrix: %" in page.text) == (count <= 12)
    assert short.startswith("# \\<b\\>Ours\\</b\\> \\& \\*yours\\*\n")
    for text in (short, card.split("---\n", 2)[2]):
        assert "<script>" not in text
        assert "[u](" not in text
        for lines in tables(text):
            # As many cells in each row: no name has ended one.
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, lines


def test_markdown_has_tables_and_no_pictures(folder):
    _, markdown = rendered(folder)
    assert len(tables(markdown)) == 3
    assert all(re.fullmatch(r"\|(-+:?\|)+", lines[1]) for lines in tables(markdown))
    assert "data:" not in markdown
    assert len(markdown) < 3_000


def test_the_same_files_give_the_same_bytes_wherever_they_are(tmp_path, monkeypatch):
    pages = []
    for name in ("one", "another folder"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        found = facts(reported.folder(tmp_path / name))
        pages.append(render.html(found) + render.markdown(found) + render.model_card(found))
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0]


def test_the_model_card_has_the_metadata_that_hugging_face_reads(folder):
    """See https://github.com/huggingface/hub-docs/blob/main/modelcard.md."""
    start, header, text = render.model_card(facts(folder, title="Ours: 1 #")).split("---\n", 2)
    assert start == ""
    metadata = yaml.safe_load(header)
    assert metadata.keys() == {"license", "library_name", "pipeline_tag", "tags", "metrics", "model-index"}
    (model,) = metadata["model-index"]
    (result,) = model["results"]
    assert model["name"] == "baseline"
    assert result["task"]["type"] == metadata["pipeline_tag"] == "image-classification"
    assert result["dataset"] == {"type": "imagefolder", "name": "Ours: 1 #", "split": "test"}
    scores = reported.of_model(0.876543)
    assert [(metric["type"], metric["value"]) for metric in result["metrics"]] == [
        ("accuracy", scores["accuracy"]),
        ("f1", scores["macro_f1"]),
        ("accuracy", scores["clean"]["accuracy"]),
        ("f1", scores["clean"]["macro_f1"]),
    ]
    assert result["metrics"][0]["name"] == "Accuracy, all test images, 95 % interval 84.6 to 90.6\N{NO-BREAK SPACE}%"
    assert re.findall("^## (.*)$", text, re.MULTILINE) == [
        *("Intended use", "How to use", "Data", "Metrics", "Limits", "Licence", "Reproduce")
    ]


def test_the_licence_of_a_model_is_ours_only_if_the_images_are(folder, tmp_path):
    photographs, drawn = (render.model_card(facts(folder, source=source)) for source in ("file:a.zip", "synthetic"))
    assert "\nlicense: unknown\n" in photographs
    assert "set `license` above" in photographs
    assert "\nlicense: apache-2.0\n" in drawn
    assert "The images have their own terms" in photographs
    assert "their own terms" not in drawn
    transfer = render.model_card(facts(reported.folder(tmp_path, models=("transfer", "baseline"))))
    assert "The pretrained weights in the model (a-package 1.0) are under Apache-2.0." in transfer
    assert "pretrained weights" not in drawn


def test_the_model_card_says_what_the_report_says(folder):
    found = facts(folder)
    card, page = render.model_card(found), Page(render.html(found)).text
    for said in ("87.7", "84.6 to 90.6", "88.7", "1,234", "57 of", *found["made_from"].values()):
        assert said in card
        assert said in page
    assert all(finding["name"] in card for finding in found["findings"])


def test_the_model_card_says_what_the_model_is_and_what_it_takes(folder, tmp_path):
    card = render.model_card(facts(folder)).replace("\N{NO-BREAK SPACE}", " ")
    assert "\n\nA convolutional neural network, trained from scratch. For each of 3 classes it gives" in card
    assert "It takes images of 96 x 96 pixels" in card
    assert "centred on a grey square" in card
    assert "`unsure_below` in `model.json` is 0.679: if the largest probability is lower" in card
    assert "This promises that 95 % of the other answers are right" in card
    assert (
        "94.6 % of these are right (95 % interval 91.6 to 96.6 %); the promise is open: the interval contains" in card
    )
    transfer = render.model_card(facts(reported.folder(tmp_path, models=("transfer", "baseline"))))
    assert "\n\nA logistic regression on features of EfficientNetV2B0 (frozen, pretrained on ImageNet;" in transfer


def test_the_limits_are_those_of_the_images(folder, tmp_path):
    card, drawn = (render.model_card(facts(folder, source=source)) for source in ("file:a.zip", "synthetic"))
    assert "with which camera" in card
    assert "with which camera" not in drawn
    assert "taken together" not in card  # of this archive only the validation set was held out
    audit = reported.audit()
    for counts in audit["classes"].values():
        del counts["test"]
    own = reported.folder(tmp_path)
    reported.write_json(own / "data/scores/audit.json", audit)
    assert "Images that were taken together may be in training and in test" in render.model_card(facts(own))


# Whether an element is in view, and which boxes hide a part of what they hold.
IN_VIEW = "([box, height]) => box.getBoundingClientRect().top >= 0 && box.getBoundingClientRect().bottom <= height"
CUT = """() => [document.documentElement, ...document.querySelectorAll(".scroll")]
    .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.ariaLabel ?? "page")"""


@pytest.mark.process
def test_the_first_screen_answers_and_nothing_is_cut_at_any_width(tmp_path):
    folders = {"three": reported.folder(tmp_path / "three")}
    folders |= {f"{n}-odd": reported.folder(tmp_path / str(n), classes=reported.odd_classes(n)) for n in (12, 102)}
    with browser.launched() as launched:
        for name, folder in folders.items():
            file = tmp_path / f"{name}.html"
            # The page forbids scripts, with which the test looks at it.
            html = render.html(facts(folder)).replace("default-src 'none'; ", "")
            file.write_text(html, encoding="utf-8")
            for width in (390, 1280):
                page = browser.page(launched, file.as_uri(), width=width, height=800)
                browser.screenshot(page, f"report-{name}-{width}")
                assert page.evaluate(CUT) == [], (name, width)
                if (name, width) == ("three", 1280):
                    for shown in (page.locator("dl"), page.locator(".matrix")):
                        assert page.evaluate(IN_VIEW, [shown.element_handle(), 800])
                page.get_by_role("link", name="Reproduce").click()
                page.wait_for_function("scrollY > 1000")
                assert page.evaluate(IN_VIEW, [page.locator("nav").element_handle(), 800])
                page.close()
