"""What the report says about each class."""

import re

import pandas as pd
import pytest

from scenes.report import classes
from tests.helpers import reported
from tests.helpers.report_page import Page, rendered

ANSWERS = pd.DataFrame(
    {"actual": ["a", "a", "a", "a", "b", "c"], "predicted": ["a", "b", "c", "c", "b", "a"]}, dtype=str
)


def scores(recall: float, support: int) -> dict:
    return {"precision": 0.5, "recall": recall, "f1": 0.5, "support": support}


def test_classes_are_listed_by_recall_with_what_they_are_taken_for():
    by_class = {"a": scores(0.25, 4), "b": scores(1.0, 1), "c": scores(0.0, 1), "d": scores(0.0, 0)}
    images = {name: {"train": index} for index, name in enumerate(by_class)}
    rows = classes.table(by_class, images, ANSWERS)
    assert [(row["name"], row["train"], row["taken_for"]) for row in rows] == [
        *(("c", 2, "a"), ("a", 0, "c"), ("b", 1, ""), ("d", 3, ""))  # nothing is known about d
    ]
    assert rows[1]["recall"] == 0.25


def test_the_confusion_matrix_has_shares_of_the_actual_class():
    rows = classes.confusion(ANSWERS, ["a", "b", "c", "d"])
    assert [row["name"] for row in rows] == ["a", "b", "c", "d"]
    assert [cell["share"] for cell in rows[0]["cells"]] == [0.25, 0.25, 0.5, 0]
    assert [cell["images"] for cell in rows[0]["cells"]] == [1, 1, 2, 0]
    assert [cell["share"] for cell in rows[3]["cells"]] == [0, 0, 0, 0]  # without test images


def test_of_many_classes_there_is_a_picture_instead():
    names = [str(number) for number in range(classes.MATRIX + 1)]
    answers = pd.DataFrame({"actual": names, "predicted": names}, dtype=str)
    assert classes.confusion(answers, names) == []
    assert len(classes.confusion(answers.head(classes.MATRIX), names[:-1])) == classes.MATRIX


@pytest.mark.parametrize("count", [31, 1000])
def test_of_many_classes_the_worst_are_listed_and_the_rest_is_named(count, tmp_path):
    classes = [f"class with a rather long name, number {number:03d}" for number in range(count)]
    folder = reported.folder(tmp_path, classes=classes)
    rows = [(f"{name}/{number}", name, "False", "False") for name in classes for number in range(3)]
    reported.write_csv(folder / "data/predictions.csv", ("key", "class", "unsure", "unlike_training"), rows)
    html, markdown = rendered(folder)
    page = Page(html)
    text = " ".join(page.text.split())
    # The helper's recall rises with the number of the class, and the last classes have the fewest images.
    by_class = re.search(r'aria-label="Scores of each class".*?</table>', html, re.DOTALL)[0]
    assert re.findall(r'<th scope="row">.*?number (\d+)<', by_class) == [f"{number:03d}" for number in range(30)]
    assert f"the 30 of the lowest recall; all {count:,} are in plots/baseline/per_class.csv" in text
    assert f"The 30 classes answered most often; {count - 30:,} more are the answer to some image." in text
    assert [image["alt"].partition(";")[0] for image in page.all("img")].count("Confusion matrix: baseline") == 1
    assert len(html) < 200_000
    assert len(markdown) < 4_000
