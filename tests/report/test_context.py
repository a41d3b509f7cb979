"""The report: what it shows is what the pipeline wrote, in a page that needs nothing else and is safe from its data."""

import base64
import json
import re
import shutil

import pytest

from scenes.common.errors import InputError
from scenes.report import render
from tests.helpers import reported
from tests.helpers.report_page import Page, facts, rendered


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All there may be; to be read only."""
    return reported.folder(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture
def own(folder, tmp_path):
    """A copy to change."""
    return shutil.copytree(folder, tmp_path / "pipeline")


def test_every_picture_that_no_table_replaces_is_in_the_page_once_and_says_what_it_shows(tmp_path):
    folder = reported.folder(tmp_path)
    files = sorted(folder.glob("plots/**/*.png"))
    for index, file in enumerate(files):  # all different
        reported.picture(file, width=100 + index)
    images = Page(rendered(folder)[0]).all("img")
    told_in_tables = {f"plots/baseline/scores/{name}.png" for name in ("confusion_matrix", "per_class")}
    assert sorted(base64.b64decode(image["src"].partition(",")[2]) for image in images) == sorted(
        file.read_bytes() for file in files if file.relative_to(folder).as_posix() not in told_in_tables
    )
    assert all(image["alt"] for image in images)
    assert len({image["alt"] for image in images}) == len(images)


def test_a_picture_of_no_known_kind_is_shown_too(own):
    reported.picture(own / "plots/transfer/examples/something_new.png")
    assert "something new: transfer" in [image["alt"] for image in Page(rendered(own)[0]).all("img")]


def test_both_hold_the_numbers_of_the_metrics(folder):
    html, markdown = rendered(folder)
    text = Page(html).text.replace("\N{NO-BREAK SPACE}", " ")
    short = markdown.replace("\N{NO-BREAK SPACE}", " ")
    for name in reported.MODELS:
        scores = json.loads((folder / f"data/scores/{name}.json").read_text())
        low, high = scores["accuracy_interval"]["low"], scores["accuracy_interval"]["high"]
        for said in (
            f"{100 * scores['accuracy']:.1f} %",
            f"{100 * low:.1f} to {100 * high:.1f} %",
            f"{100 * scores['clean']['accuracy']:.1f} %",
            f"{100 * scores['val']['accuracy']:.1f} %",
            f"{100 * scores['majority_class_accuracy']:.1f} %",
            f"{scores['calibration']['temperature_scaled']['crossentropy']:.3f}",
            f"{100 * scores['calibration']['temperature_scaled']['ece']:.1f} %",
            f"{100 * scores['merged_pairs']['lake/moor']['accuracy']:.1f} %",
        ):
            assert said in text, said
            assert said in short, said
    for said in ("+27.5 points", "20.0 to 35.0 points", "86.7 %", "baseline is better"):
        assert said in text
        assert said in short
    assert "81.5 %" in text  # published
    assert r"\< 0.001" in short
    assert "57 of the labels of 1,140 images may be wrong" in " ".join(text.split())
    assert "57 of the labels of 1,140 images may be wrong" in short
    assert "It is unsure of 20" in " ".join(text.split())
    assert "Of 60 unlabelled images, the model is unsure of 20; 15 are unlike the training images." in short
    assert "15 are unlike the training images" in text


def test_the_first_chapter_answers_how_good_and_how_sure(folder):
    html, _ = rendered(folder)
    summary = html[html.index('id="summary"') : html.index('id="data"')]
    said = " ".join(re.sub(r"<[^>]+>", " ", summary).replace("\N{NO-BREAK SPACE}", " ").split())
    for words in (
        "87.7 % of 240 test images are classified correctly; 95 % interval 84.6 to 90.6 %",
        "baseline : CNN from scratch",
        "88.7 % on clean test images",
        "The weakest class, lake: 80.0 % recognised; 95 % interval 70.0 to 87.0 %.",
        "(calibration error, ECE); of a perfectly calibrated model on as many images it would be 2.0 %.",
        "86.7 % on the 87 validation images, which the choices are made by; 95 % interval 83.6 to 89.6 %.",
        "Compared with transfer on the test images: baseline is better, p &lt; 0.001.",
        "errors in both directions: lake/moor 13",
        "Of 1,234 images, 9 are duplicates (9 in groups across training and test) and 34 cannot be used.",
        "57 of 1,140 labels may be wrong",
        "Add training images of lake/moor, or merge the two: 95.4 % are then right",
        "1 lake 75 25 2 moor 25 75 3 wood 25 75",  # the confusion matrix, %
    ):
        assert words in said, words


def test_each_promise_is_held_against_the_test_images(own):
    html, _ = rendered(own)
    table = html[html.index("promise on test") :].partition("</table>")[0].replace("\N{NO-BREAK SPACE}", " ")
    rows = [re.sub(r"<[^>]+>", " ", row).split(maxsplit=2)[2] for row in table.split("<tr>")[1:]]
    assert [" ".join(row.split()) for row in rows] == [
        "45.7 % 97.7 % 93.2 % 90.2 to 95.2 % kept",
        "67.9 % 85.4 % 94.6 % 91.6 to 96.6 % open: the interval contains the target",
        "no threshold: 87 validation images cannot promise 99 %; that takes 230, all answered right",
    ]


def test_a_model_that_promises_nothing_is_said_to_be_never_unsure(own):
    file = own / "data/scores/baseline.json"
    scores = json.loads(file.read_text())
    scores["abstention"]["precision_95"] = reported.promise(None, None, None)
    reported.write_json(file, scores)
    rows = [(f"{number}.jpg", "lake", "", "") for number in range(3)]
    reported.write_csv(own / "data/predictions.csv", ("key", "class", "unsure", "unlike_training"), rows)
    why = "no threshold: 87 validation images do not prove 95 % at any confidence"
    html, markdown = (text.replace("\n  ", " ") for text in rendered(own))
    assert f"It is never unsure ({why}" in html
    assert f"the model is never unsure ({why}" in markdown
    assert f"is null, and the model is never unsure ({why}" in render.model_card(facts(own))
    assert "of these unsure" not in html
    assert not any("are unlike the training images" in text for text in (html, markdown))


def test_a_cell_of_the_models_is_that_of_its_model(folder):
    html, _ = rendered(folder)
    row = re.search(r'<th scope="row">accuracy<small>.*?</tr>', html, re.DOTALL)[0]
    assert re.findall(r"<b>(.*?)</b><small>(.*?)</small>", row.replace("\N{NO-BREAK SPACE}", " ")) == [
        ("87.7 %", "84.6 to 90.6 %"),
        ("82.7 %", "79.6 to 85.6 %"),
    ]
    assert row.index('class="chosen"') < row.index("87.7")


@pytest.mark.parametrize("models", [["baseline"], ["baseline", "transfer", "wider"]])
def test_any_number_of_models(models, tmp_path):
    folder = reported.folder(tmp_path, models=models)
    described = dict.fromkeys(models, reported.MODELS["baseline"])
    html, markdown = rendered(folder, models=described)
    text = Page(html).text
    assert ("nothing to compare" in text) == (len(models) == 1)
    pairs = len(models) * (len(models) - 1) // 2
    assert markdown.count("is better") == pairs
    assert text.count("is better") == pairs + (pairs > 0)  # once more in the summary
    for name in models:
        assert f"**{name}**" in markdown


def test_what_only_some_runs_have_is_left_out(own):
    for picture in own.glob("plots/**/*.png"):
        picture.unlink()
    (own / "data/predictions.csv").write_text("key,class,confidence,unsure,unlike_training\n")
    html, markdown = rendered(own, published=[])
    page = Page(html)
    assert not page.all("img")
    assert {link["href"][1:] for link in page.all("a") if link["href"].startswith("#")} == set(page.ids())
    assert "unlabelled" not in page.ids()
    for text in (page.text, markdown):
        assert "unlabelled" not in text.lower()
        assert "Published" not in text
        assert "planted" not in text.lower()


def test_archives_without_a_test_set_of_their_own_have_a_report_that_says_so(own):
    audit = reported.audit()
    del audit["clean_test"]
    audit["usable"]["test"] = audit["images"]["test"] = 0
    for counts in audit["classes"].values():
        del counts["test"]
    reported.write_json(own / "data/scores/audit.json", audit)
    for text in rendered(own):
        said = " ".join(text.split())
        assert "The archive has no test set: 30 of its training images were held out for it." in said
        assert "The archive has no validation set: 9 of its training images were held out for it." in said


def test_a_model_that_is_not_calibrated_is_said_to_be_so_wherever_a_confidence_is_shown(folder, own):
    for name in reported.MODELS:
        scores = reported.of_model(0.8)
        scores["calibration"] |= {"calibrated": 0, "temperature": 1.0}
        reported.write_json(own / f"data/scores/{name}.json", scores)
    html, markdown = rendered(own)
    sections = dict(re.findall(r'<section id="(\w+)">(.*?)</section>', html, re.DOTALL))
    for section in ("summary", "models", "errors", "confidence", "unlabelled"):
        assert "not calibrated" in " ".join(sections[section].split()).lower(), section
    assert "not calibrated</b>: 87 validation images show no gain." in sections["confidence"]
    assert markdown.count("not calibrated") == len(reported.MODELS)
    for text in rendered(folder):
        assert "not calibrated" not in text.lower()


def test_two_classes_have_no_top_2_accuracy(tmp_path):
    assert "top-2" not in rendered(reported.folder(tmp_path, classes=("cat", "dog")))[0]


def test_planted_labels_are_reported_if_there_are_any(own):
    numbers = reported.label_issues() | {"planted": reported.planted()}
    reported.write_json(own / "data/scores/label_issues.json", numbers)
    html, markdown = rendered(own)
    text = " ".join(Page(html).text.split())
    assert "34 wrong labels were planted. 70.0 % of them are among the issues" in text
    assert "precision 56.0\N{NO-BREAK SPACE}%, recall 70.0\N{NO-BREAK SPACE}%" in markdown


def test_how_well_it_finds_what_photos_contain_is_shown_if_it_is_known(own):
    text = " ".join(Page(rendered(own)[0]).text.replace("\N{NO-BREAK SPACE}", " ").split())
    assert "Measured on 150 test images whose content is known: F1 75.3 %, mean average precision 81.2 %" in text
    assert "The probabilities of the one class rank with a mean average precision of 79.9 %." in text
    assert "moor3773.4 %76.5 %75.0 %87.6 %" in text
    reported.write_json(own / "data/scores/baseline.json", reported.of_model(0.8) | {"presence": {}})
    text = " ".join(Page(rendered(own)[0]).text.split())
    assert "Not measured: what the test images contain is not known." in text


@pytest.mark.parametrize("learned", [False, True])
def test_features_that_saw_the_labels_are_said_to_have(own, learned):
    html, _ = rendered(own, label_features_learned=learned)
    assert ("were themselves learned from the labels" in " ".join(Page(html).text.split())) == learned


@pytest.mark.parametrize(
    "name",
    [
        "data/scores/audit.json",
        "data/scores/baseline.json",
        "data/scores/comparison.json",
        "data/scores/label_issues.json",
        "data/scores/production.json",
        "data/predictions.csv",
        "data/split.csv",
        "models/production/provenance.json",
        "plots/baseline/predictions.csv",
    ],
)
def test_what_is_missing_is_named(name, own):
    (own / name).unlink()
    with pytest.raises(InputError, match=re.escape(f"{name} is missing")):
        rendered(own)


@pytest.mark.parametrize("name", ["audit", "baseline", "comparison", "label_issues", "production"])
def test_scores_of_another_shape_are_named(name, own):
    (own / f"data/scores/{name}.json").write_text('{"clean": {}}')
    with pytest.raises(InputError, match=rf"data/scores/{name}\.json is damaged \(it lacks .*; make it again with"):
        rendered(own)


def test_a_broken_picture_is_named(own):
    (own / "plots/baseline/examples/errors.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(InputError, match=r"errors\.png is missing or not a PNG"):
        rendered(own)


def test_a_production_model_that_is_no_more_is_said(own):
    with pytest.raises(InputError, match="a model that has no scores"):
        rendered(own, models={"transfer": reported.MODELS["transfer"]})


def test_the_production_model_is_compared_with_the_next_on_validation(tmp_path):
    models = ["baseline", "transfer", "wider"]
    folder = reported.folder(tmp_path, models=models)
    described = dict.fromkeys(models, reported.MODELS["baseline"])
    pairs = reported.compared("baseline", "transfer") | reported.compared("baseline", "wider")
    pairs["baseline/wider"]["mcnemar_p"] = 0.5
    reported.write_json(folder / "data/scores/comparison.json", pairs)
    val = {"baseline": 0.5, "transfer": 0.6, "wider": 0.7}
    for metric, said in (
        ("accuracy", "wider on the test images: no significant difference, p = 0.500"),
        ("crossentropy", "transfer on the test images: baseline is better, p < 0.001"),
    ):
        reported.write_json(folder / "data/scores/production.json", reported.production(models, metric=metric, val=val))
        assert facts(folder, models=described)["against_next"] == f"Compared with {said}."


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ({"reason": "only"}, "there is no other model"),
        ({"reason": "score", "margin": 0.05}, "86.7 %, 5.0 points better than the next model"),
        ({"reason": "score", "metric": "crossentropy", "margin": 0.05}, "0.8665, 0.0500 better than the next model"),
        ({"reason": "cost", "margin": -0.002}, "0.2 points behind the best other model. Such a difference"),
        (
            {"reason": "cost", "margin": 0.001},
            "0.1 points better than the best other model. Such a difference",
        ),
    ],
)
def test_the_choice_is_explained(choice, sentence, own):
    reported.write_json(own / "data/scores/production.json", reported.production(list(reported.MODELS), **choice))
    for text in rendered(own):
        assert sentence in text.replace("\N{NO-BREAK SPACE}", " ")


def test_drawn_images_are_said_to_be_drawn(folder):
    for text in rendered(folder, source="synthetic"):
        assert "These images are drawn" in text
    for text in rendered(folder):
        assert "These images are drawn" not in text


def test_published_figures_are_shown_with_the_archive_that_they_are_about(folder):
    assert "Published, not measured here" in rendered(folder)[0]
    for source in ("synthetic", "file:houses.zip", "https://example.org/houses.zip"):
        html, markdown = rendered(folder, source=source)
        assert "ublished" not in html + markdown
        assert "Kaggle" not in html + markdown


def test_several_archives_are_named_each_with_its_hash(own):
    file = own / "models/production/provenance.json"
    description = json.loads(file.read_text())
    file.write_text(json.dumps(description | {"archive_sha256": ["a" * 64, "d" * 64]}))
    sources = ["kaggle:owner/photos", "file:/somewhere/private/more.zip"]
    assert list(facts(own)["made_from"].items())[:2] == [
        ("data/raw/archive.zip", "a" * 64),
        ("data/raw/archive-2.zip", "d" * 64),
    ]
    html, markdown = rendered(own, source=sources)
    for text in (html, markdown):
        assert "data set owner/photos (the latest version) and from more.zip" in " ".join(text.split())
        assert "private" not in text
        assert "ublished" not in text, "that is about the archive of Kaggle alone"


def test_what_the_production_model_was_made_from_is_named_by_hash(folder, tmp_path):
    made_from = facts(folder)["made_from"]
    assert made_from == {
        "data/raw/archive.zip": "a" * 64,
        "data/split.csv": "b" * 64,
        "code/select.txt": "c" * 64,
        "code/train_cnn.txt": "e" * 64,
    }
    other = reported.folder(tmp_path, models=("transfer", "baseline"))
    assert facts(other)["made_from"]["code/train_linear.txt"] == "e" * 64
    assert facts(other)["made_from"]["code/features.txt"] == "d" * 64
    text = Page(rendered(folder)[0]).text
    assert all(sha256 in text for sha256 in made_from.values())


def test_a_model_whose_feature_set_is_not_enabled_is_named_and_left_out(own):
    models = reported.MODELS | {"tuned": {"kind": "linear", "input": "features/tuned", "C": [1]}}
    reported.write_json(own / "data/scores/tuned.json", {})
    for text, without in zip(rendered(own, models=models), rendered(own), strict=True):
        said = "Not in this run, because the profile does not enable their feature set: tuned."
        assert said in text
        assert "Not in this run" not in without
        assert text.count("tuned") == without.count("tuned") + 1


def test_predictions_survive_odd_names(own):
    rows = [("a\u2028b, c.jpg", 'a "wood"', "True", "True"), ("d.jpg", "NA", "False", "True")]
    reported.write_csv(own / "data/predictions.csv", ("key", "class", "unsure", "unlike_training"), rows)
    assert facts(own)["predictions"]["unlike"] == 2
    assert facts(own)["predictions"]["classes"] == [
        {"name": "NA", "images": 1, "unsure": 0},
        {"name": 'a "wood"', "images": 1, "unsure": 1},
    ]
