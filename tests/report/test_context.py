"""The report: what it shows is what the pipeline wrote, in a page that needs nothing else and is safe from its data."""

import base64
import json
import re
import shutil

import pytest

from scenes.common.errors import InputError
from scenes.report import context as report_context
from tests.helpers import reported
from tests.helpers.report_page import Page, rendered


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All there may be; to be read only."""
    return reported.folder(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture
def own(folder, tmp_path):
    """A copy to change."""
    return shutil.copytree(folder, tmp_path / "pipeline")


def test_every_picture_is_in_the_page_and_says_what_it_shows(tmp_path):
    folder = reported.folder(tmp_path)
    files = sorted(folder.glob("plots/**/*.png"))
    for index, file in enumerate(files):  # all different
        reported.picture(file, width=100 + index)
    images = Page(rendered(folder)[0]).all("img")
    assert sorted(base64.b64decode(image["src"].partition(",")[2]) for image in images) == sorted(
        file.read_bytes() for file in files
    )
    assert {int(image["width"]) for image in images} == set(range(100, 100 + len(files)))
    assert all(image["alt"] for image in images)
    assert len({image["alt"] for image in images}) == len(files)


def test_a_picture_of_no_known_kind_is_shown_too(own):
    reported.picture(own / "plots/transfer/examples/something_new.png")
    assert "something new: transfer" in [image["alt"] for image in Page(rendered(own)[0]).all("img")]


def test_both_hold_the_numbers_of_the_metrics(folder):
    html, markdown = rendered(folder)
    text = Page(html).text.replace("\N{NO-BREAK SPACE}", " ")
    short = markdown.replace("\N{NO-BREAK SPACE}", " ")
    for name in reported.MODELS:
        scores = json.loads((folder / f"metrics/{name}.json").read_text())
        low, high = scores["accuracy_interval"]["low"], scores["accuracy_interval"]["high"]
        for said in (
            f"{100 * scores['accuracy']:.1f} %",
            f"{100 * low:.1f} to {100 * high:.1f} %",
            f"{100 * scores['clean']['accuracy']:.1f} %",
            f"{100 * scores['val']['accuracy']:.1f} %",
            f"{100 * scores['majority_class_accuracy']:.1f} %",
            f"{scores['crossentropy']:.3f}",
            f"{100 * scores['calibration']['ece']:.1f} %",
            f"{100 * scores['calibration']['temperature_scaled']['ece']:.1f} %",
            f"{100 * scores['merged_pairs']['lake/moor']['accuracy']:.1f} %",
        ):
            assert said in text, said
            assert said in short, said
    for said in ("+27.5 points", "20.0 to 35.0 %", "0.8665", "81.5 %", "baseline is better"):
        assert said in text
        assert said in short
    assert "< 0.001" in text
    assert r"\< 0.001" in short
    assert "57 of the labels of 1,140 images may be wrong" in " ".join(text.split())
    assert "Label issues: 57 in 1,140 images." in short
    assert "It is unsure of 20" in " ".join(text.split())
    assert "60, unsure of 20; predicted as lake (30), moor (30)." in short


def test_a_row_of_the_page_is_that_of_its_model(folder):
    html, _ = rendered(folder)
    row = re.search(r'<tr class="chosen">\s*<th scope="row">baseline<small>.*?</tr>', html, re.DOTALL)[0]
    assert re.search(r"<b>87.7.%</b><small>84.6 to 90.6.%</small>", row)


@pytest.mark.parametrize("models", [["baseline"], ["baseline", "transfer", "wider"]])
def test_any_number_of_models(models, tmp_path):
    folder = reported.folder(tmp_path, models=models)
    described = dict.fromkeys(models, reported.MODELS["baseline"])
    html, markdown = rendered(folder, models=described)
    text = Page(html).text
    assert ("nothing to compare" in text) == (len(models) == 1)
    pairs = len(models) * (len(models) - 1) // 2
    assert text.count("is better") == markdown.count("is better") == pairs
    for name in models:
        assert f"**{name}**" in markdown


def test_what_only_some_runs_have_is_left_out(own):
    shutil.rmtree(own / "plots")
    (own / "data/predictions.csv").write_text("key,class,confidence,unsure\n")
    (own / "data/label_issues.csv").write_text("key,given_label,suggested_label,score,reason\n")
    html, markdown = rendered(own, published=[])
    page = Page(html)
    assert not page.all("img")
    assert {link["href"][1:] for link in page.all("a") if link["href"].startswith("#")} == set(page.ids())
    assert "predictions" not in page.ids()
    for text in (page.text, markdown):
        assert "Unlabelled" not in text
        assert "Published" not in text
        assert "planted" not in text.lower()


def test_archives_without_a_test_set_of_their_own_have_a_report_that_says_so(own):
    audit = reported.audit()
    del audit["clean_test"]
    audit["usable"]["test"] = audit["images"]["test"] = 0
    for counts in audit["classes"].values():
        del counts["test"]
    reported.write_json(own / "metrics/audit.json", audit)
    for text in rendered(own):
        said = " ".join(text.split())
        assert "The archive has no test set: 30 of its training images were held out for it." in said
        assert "The archive has no validation set: 9 of its training images were held out for it." in said
        assert "92.5 % of the test images" in said  # 222 clean ones of 240


def test_a_model_that_is_not_calibrated_is_said_to_be_so_wherever_a_confidence_is_shown(folder, own):
    for name in reported.MODELS:
        scores = reported.of_model(0.8)
        scores["calibration"] |= {"calibrated": 0, "temperature": 1.0}
        reported.write_json(own / f"metrics/{name}.json", scores)
    html, markdown = rendered(own)
    sections = dict(re.findall(r'<section id="(\w+)">(.*?)</section>', html, re.DOTALL))
    for section in ("calibration", "errors", "predictions", "card"):
        assert "not calibrated" in " ".join(sections[section].split()).lower(), section
    assert "not calibrated" in html[: html.index("<nav")]
    assert "The reason: 87 validation images show no gain." in " ".join(sections["calibration"].split())
    assert markdown.count("not calibrated") == len(reported.MODELS)
    for text in rendered(folder):
        assert "not calibrated" not in text.lower()


def test_two_classes_have_no_composites_and_the_page_says_why(tmp_path):
    folder = reported.folder(tmp_path, classes=("cat", "dog"))
    for name in reported.MODELS:
        reported.write_json(
            folder / f"metrics/{name}.json", reported.of_model(0.9, ("cat", "dog")) | {"multilabel": {}}
        )
    html, markdown = rendered(folder)
    assert "every composite would contain both" in " ".join(Page(html).text.split())
    assert "composites" not in markdown


@pytest.mark.parametrize("count", [31, 1000])
def test_of_many_classes_the_worst_are_listed_and_the_rest_is_named(count, tmp_path):
    classes = [f"class with a rather long name, number {number:03d}" for number in range(count)]
    folder = reported.folder(tmp_path, classes=classes)
    rows = [(f"{name}/{number}", name, "False") for name in classes for number in range(3)]
    reported.write_csv(folder / "data/predictions.csv", ("key", "class", "unsure"), rows)
    html, markdown = rendered(folder)
    page = Page(html)
    text = " ".join(page.text.split())
    # The helper's recall rises with the number of the class, and the last classes have the fewest images.
    by_class = re.search(r'aria-label="Precision, recall and F1 of each class".*?</table>', html, re.DOTALL)[0]
    assert re.findall(r"number (\d+)</th>", by_class) == [f"{number:03d}" for number in range(30)]
    assert f"The 30 classes of the lowest recall; all {count:,} are in plots/baseline/per_class.csv" in text
    assert f"The 30 classes predicted most often; {count - 30:,} more are predicted for some image." in text
    assert f"{count - 30:,} other classes" in markdown
    assert "data/split.csv" in text
    assert len(html) < 200_000
    assert len(markdown) < 8_000


def test_planted_labels_are_reported_if_there_are_any(own):
    numbers = reported.label_issues() | {"planted": reported.planted()}
    reported.write_json(own / "metrics/label_issues.json", numbers)
    html, markdown = rendered(own)
    text = " ".join(Page(html).text.split())
    assert "34 wrong labels were planted" in text
    assert "31 wrong labels; among as many images of lowest score, 58.0 % of the labels are wrong" in text
    assert "precision 56.0\N{NO-BREAK SPACE}%, recall 70.0\N{NO-BREAK SPACE}%" in markdown


def test_the_second_output_is_shown_with_a_verdict(own):
    for name in reported.MODELS:
        scores = reported.of_model(0.8)
        if name != "transfer":
            del scores["multilabel"]["ground_truth"]
        reported.write_json(own / f"metrics/{name}.json", scores)
    html, markdown = rendered(own)
    page = Page(html)
    best = "The second output beats both others; the next is the naive loss: f1 0.750 against 0.740."
    assert page.text.count(best) == 2
    assert page.text.count("does not beat the softmax threshold: mean average precision 0.812 against 0.833.") == 1
    for text in (page.text, markdown):
        assert "0.812" in text  # mean average precision
        assert "0.734" in text  # recall of composites


@pytest.mark.parametrize("learned", [False, True])
def test_features_that_saw_the_labels_are_said_to_have(own, learned):
    html, _ = rendered(own, label_features_learned=learned)
    assert ("were themselves learned from the labels" in " ".join(Page(html).text.split())) == learned


def test_what_is_trained_on_is_counted_without_what_was_left_out(own):
    html, markdown = rendered(own)
    assert "70 are used for training, 9 for validation and 30 for testing" in " ".join(Page(html).text.split())
    assert "1,091 are left out" in " ".join(Page(html).text.split())  # of 1,200 that are usable, 109 are in split.csv
    assert "70 for training, 9 for validation" in markdown


@pytest.mark.parametrize(
    "name",
    [
        "metrics/audit.json",
        "metrics/baseline.json",
        "metrics/comparison.json",
        "metrics/label_issues.json",
        "metrics/production.json",
        "data/label_issues.csv",
        "data/predictions.csv",
        "data/split.csv",
    ],
)
def test_what_is_missing_is_named(name, own):
    (own / name).unlink()
    with pytest.raises(InputError, match=re.escape(f"{name} is missing")):
        rendered(own)


def test_a_broken_picture_is_named(own):
    (own / "plots/baseline/examples/errors.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(InputError, match=r"errors\.png is missing or not a PNG"):
        rendered(own)


def test_a_production_model_that_is_no_more_is_said(own):
    with pytest.raises(InputError, match="a model that has no scores"):
        rendered(own, models={"transfer": reported.MODELS["transfer"]})


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"reason": "only"}, "there is no other model"),
        ({"reason": "score", "margin": 0.05}, "0.0500 better than the next model"),
        (
            {"reason": "cost", "margin": -0.002},
            "0.0020 behind the best other model. Such a difference is within the tolerance",
        ),
        (
            {"reason": "cost", "margin": 0.001},
            "0.0010 better than the best other model. Such a difference is within the tolerance",
        ),
    ],
)
def test_the_choice_is_explained(facts, sentence, own):
    reported.write_json(own / "metrics/production.json", reported.production(list(reported.MODELS), **facts))
    html, markdown = rendered(own)
    assert sentence in html
    assert sentence in markdown


def test_drawn_images_are_said_to_be_drawn(folder):
    for text in rendered(folder, source="synthetic"):
        assert "not comparable" in text
        assert "These images are drawn" in text
    for text in rendered(folder):
        assert "not comparable" not in text
        assert "drawn" not in text


def test_the_models_are_told_apart_in_one_table(folder):
    html, markdown = rendered(folder)
    kinds = (
        "CNN from scratch",
        "logistic regression on frozen EfficientNetV2B0 (pretrained on ImageNet) at 224 pixels",
    )
    for name, kind, count in zip(reported.MODELS, kinds, ("1,600,000", "1,600,001"), strict=True):
        accuracy = r"8[27]\.7.%"
        assert re.search(rf">{name}</th>.*?{re.escape(kind)}</td>\s*<td>{accuracy}</td>.*<td>{count}</td></tr>", html)
        row = rf"^\| \*\*{name}\*\* \| {re.escape(kind)} \| {accuracy} \| 0\.412 \| {count} \|$"
        assert re.search(row, markdown, re.MULTILINE)


def test_a_linear_model_has_a_validation_curve_and_a_cnn_epochs(folder):
    titles = [image["alt"] for image in Page(rendered(folder)[0]).all("img")]
    assert [title.partition(";")[0] for title in titles if "training and validation images by" in title] == [
        "Training: baseline",
        "Regularisation: transfer",
    ]


def test_a_model_whose_feature_set_is_not_enabled_is_named_and_left_out(own):
    models = reported.MODELS | {"tuned": {"kind": "linear", "input": "features/tuned", "C": [1]}}
    reported.write_json(own / "metrics/tuned.json", {})
    for text, without in zip(rendered(own, models=models), rendered(own), strict=True):
        said = "Not in this run, because the profile does not enable their feature set: tuned."
        assert said in text
        assert "Not in this run" not in without
        assert text.count("tuned") == without.count("tuned") + 1


def test_predictions_survive_odd_names(own):
    rows = [("a\u2028b, c.jpg", 'a "wood"', "0.9", "True"), ("d.jpg", "NA", "0.5", "False")]
    reported.write_csv(own / "data/predictions.csv", ("key", "class", "confidence", "unsure"), rows)
    predictions = report_context.context(reported.paths(own), **reported.settings())["predictions"]
    assert predictions["classes"] == [
        {"name": "NA", "images": 1, "unsure": 0},
        {"name": 'a "wood"', "images": 1, "unsure": 1},
    ]
