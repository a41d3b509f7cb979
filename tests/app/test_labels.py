"""The page Labels: what it shows of a label issue, and which corrections come of the answers."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from app import issues, models
from scenes.audit import audit_table
from scenes.dataset import corrections
from tests.code_facts import ROOT
from tests.helpers import hostile
from tests.helpers.audited import table
from tests.helpers.pictures import jpeg, pack

CLASSES = ("lake", "moor", "wood")
ODD = f"train/lake/{hostile.MARKUP}.jpg"
NAMES = ["train/lake/0.jpg", "test/lake/1.jpg", ODD]


def write(folder, rows, classes) -> None:
    """Write what the pipeline leaves: label issues of (key, given, suggested, score, reason), pictures and a split."""
    (folder / "data/raw").mkdir(parents=True)
    lines = ["key,given_label,suggested_label,score,reason", *(",".join(row) for row in rows)]
    (folder / "data/label_issues.csv").write_text("\n".join([*lines, ""]))
    more = [(f"train/{name}/a.jpg", name) for name in classes]
    images = [(row[0], row[1]) for row in rows] + more
    lines = ["path,split,label,group", *(f"{path},{path.split('/')[0]},{label},g" for path, label in images)]
    (folder / "data/split.csv").write_text("\n".join([*lines, ""]))
    audit = table([(path, path.split("/")[0], label, path, path, "") for path, label in images])
    audit_table.write(audit, folder / "data/audit.csv")
    pack(folder / "data/raw/archive.zip", {path: jpeg(number) for number, (path, _) in enumerate(images)})
    shutil.copytree(ROOT / "corrections", folder / "corrections")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder that the app serves as if it had just started."""
    monkeypatch.setattr(models, "ROOT", tmp_path)
    for kept in (issues._open, issues._answers):
        kept.clear()
    yield tmp_path
    for kept in (issues._open, issues._answers):
        kept.clear()


@pytest.fixture
def folder(elsewhere):
    rows = [
        (NAMES[0], "lake", "moor", "0.01", "model"),
        (NAMES[1], "lake", "wood", "0.02", "model+near_duplicate"),
        (NAMES[2], "lake", "moor", "", "duplicate"),
        ("train/lake/gone.jpg", "lake", "moor", "0.5", "model"),
    ]
    write(elsewhere, rows, CLASSES)
    pack(
        elsewhere / "data/raw/archive.zip",
        {name: jpeg(number) for number, name in enumerate([*NAMES, "train/moor/a.jpg"])},
    )
    return elsewhere


def opened() -> AppTest:
    return settled(AppTest.from_file(str(ROOT / "app/labels.py"), default_timeout=60))


def settled(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    """Click the one button that begins with a label."""
    (button,) = [button for button in page.button if button.label.startswith(label)]
    button.click()
    return settled(page)


def said(page: AppTest) -> str:
    return " ".join(text.value for text in (*page.markdown, *page.caption)).replace("\\", "")


def answers() -> str:
    return issues.as_csv(issues.answers())


def test_the_answers_become_corrections_and_keeping_is_none(folder):
    page = opened()
    assert "Labelled lake" in said(page)
    assert "has not seen the picture doubts the label. Its score is 0.010" in said(page)
    assert "test image" not in said(page)
    assert [button.label for button in page.button] == ["Keep lake", "Drop the picture", "moor", "wood", "Back", "Skip"]
    press(page, "moor")
    assert "This is a test image" in said(page)
    assert "nearly the same is there with another label. Its score" in said(page)
    page.text_input[0].input("two, or more").run()
    press(page, "Drop")
    assert ODD in said(page)
    assert "score is" not in said(page)
    press(page, "Keep")
    assert [alert.value for alert in page.success] == ["That was the last one."]
    lines = ["path,label,remark", f'{NAMES[1]},drop,"two, or more"', f"{NAMES[0]},moor,", ""]
    assert answers() == "\n".join(lines)
    press(page, "Back")
    press(page, "Back")
    assert "answered: drop" in said(page)
    press(page, "Keep")
    press(page, "Skip")
    assert answers() == "\n".join([lines[0], lines[2], ""])
    progress = page.get("progress")[0].proto
    assert (progress.value, progress.text) == (100, "3 of 3 answered: 2 kept, 1 relabelled")


def test_what_is_skipped_has_no_answer_and_the_first_has_none_before(folder):
    page = opened()
    press(page, "Skip")
    press(page, "Back")
    press(page, "Back")
    assert NAMES[0] in said(page)
    assert answers() == "path,label,remark\n"


def test_a_page_that_is_loaded_again_has_the_answers_and_goes_on_after_them(folder):
    first = opened()
    first.text_input[0].input("is flat").run()
    press(first, "moor")
    other = opened()
    assert NAMES[1] in said(other)
    assert "1 of 3 answered: 1 relabelled" in other.get("progress")[0].proto.text
    press(other, "Drop")
    press(opened(), "Keep")
    assert [alert.value for alert in opened().success] == ["That was the last one."]
    assert answers() == f"path,label,remark\n{NAMES[1]},drop,\n{NAMES[0]},moor,is flat\n"


def test_answers_that_have_been_merged_are_forgotten(folder):
    press(opened(), "moor")
    press(opened(), "Drop")
    (folder / f"corrections/{models.params().profile}.csv").write_text(f"path,label,remark\n{NAMES[0]},moor,\n")
    assert ODD in said(opened())
    assert answers() == f"path,label,remark\n{NAMES[1]},drop,\n"


def test_the_file_is_one_that_can_be_merged(folder, tmp_path):
    page = opened()
    press(page, "moor")
    press(page, "wood")
    press(page, "wood")
    images = [*((name, "lake") for name in NAMES), ("train/moor/a.jpg", "moor"), ("train/wood/a.jpg", "wood")]
    audit = table([(name, name.partition("/")[0], label, name, name, "") for name, label in images])
    (tmp_path / "c.csv").write_text(answers(), encoding="utf-8")
    found = corrections.read(tmp_path / "c.csv", audit)
    assert found.set_index("path")["label"].to_dict() == dict(zip(NAMES, ["moor", "wood", "wood"], strict=True))


def test_what_is_corrected_is_not_asked_again(folder):
    profile = models.params().profile
    (folder / f"corrections/{profile}.csv").write_text(f"path,label,remark\n{NAMES[0]},moor,\n{ODD},drop,\n")
    page = opened()
    assert NAMES[1] in said(page)
    press(page, "Keep")
    assert page.success
    (folder / f"corrections/{profile}.csv").write_text("path;label\n")
    page = AppTest.from_file(str(ROOT / "app/navigation.py"), default_timeout=60).switch_page("labels.py").run()
    assert not page.exception
    assert "line 1: separate the fields by commas" in page.error[0].value.replace("\\", "")


def test_a_duplicate_is_named_with_its_answer_so_that_nobody_swaps_the_labels_of_two(elsewhere):
    paths = ["train/lake/0.jpg", "train/moor/1.jpg", "train/moor/2.jpg", "train/lake/3.jpg"]
    labels = [path.split("/")[1] for path in paths]
    rows = [(paths[0], "lake", "moor", "0.5", "duplicate"), (paths[1], "moor", "lake", "0.5", "model+near_duplicate")]
    write(elsewhere, rows, CLASSES)
    audit = table([(path, "train", label, path, "g", "") for path, label in zip(paths, labels, strict=True)])
    audit_table.write(audit, elsewhere / "data/audit.csv")
    file = elsewhere / f"corrections/{models.params().profile}.csv"
    file.write_text(f"path,label,remark\n{paths[2]},drop,\n")
    page = opened()
    assert f"Its duplicate {paths[1]} is labelled moor" in said(page)
    assert f"Its duplicate {paths[2]} was answered: **drop**" in said(page)
    assert paths[3] not in said(page)
    press(page, "moor")
    assert f"Its duplicate {paths[0]} was answered: **moor** Its duplicate {paths[3]} is labelled lake" in said(page)
    press(page, "Back")
    press(page, "Keep")
    assert f"Its duplicate {paths[0]} was answered: **keep**" in said(page)


def test_of_many_classes_all_but_the_suggested_one_are_in_a_list(elsewhere):
    classes = [f"class {number:02}" for number in range(30)]
    write(elsewhere, [("train/class 03/0.jpg", classes[3], classes[5], "0.1", "model")], classes)
    page = opened()
    assert [button.label for button in page.button][2:] == ["class 05", "Back", "Skip"]
    (box,) = page.selectbox
    assert box.options == [name for name in classes if name not in (classes[3], classes[5])]
    box.select("class 29")
    settled(page)
    assert answers() == "path,label,remark\ntrain/class 03/0.jpg,class 29,\n"


def test_without_a_label_in_doubt_it_says_so(elsewhere):
    write(elsewhere, [], CLASSES)
    assert [alert.value for alert in opened().success] == ["No label is in doubt that is not corrected."]


@pytest.mark.parametrize("missing", [None, issues.ISSUES, issues.ARCHIVE, issues.AUDIT, issues.SPLIT])
def test_the_app_has_the_page_where_the_pictures_are(folder, monkeypatch, missing):
    pages = []
    monkeypatch.setattr("streamlit.Page", lambda file, **options: pages.append(file) or file)
    monkeypatch.setattr("streamlit.navigation", lambda pages, **options: AppTest)
    if missing:
        (folder / missing).rename(folder / "gone")
    AppTest.from_file(str(ROOT / "app/navigation.py"), default_timeout=60).run()
    assert ("labels.py" in pages) == (missing is None)
