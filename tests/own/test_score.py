"""`scenes score` against scikit-learn's scores of the same model's answers."""

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from scenes.audit import audit_table
from scenes.audit.inspection import pixel_hash
from scenes.common.tables import write_csv
from scenes.images.decode import decode
from scenes.own import score
from scenes.own.labelled_answers import match_classes
from scenes.serving import classifier
from tests.helpers.pictures import encode, jpeg, picture
from tests.helpers.production_folder import CLASSES
from tests.helpers.stage import refusal

USED = CLASSES[:4]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Six pictures of each of four classes, one that cannot be decoded, and two of a class that no model knows."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, label in enumerate([*USED, "desert"]):
        (folder / label).mkdir()
        for index in range(6 if label in USED else 2):
            (folder / label / f"{index}.jpg").write_bytes(jpeg(100 * number + index))
    (folder / USED[0] / "broken.jpg").write_bytes(jpeg(1)[:60])
    return folder


@pytest.fixture(scope="module")
def answers(pictures, model_folder) -> tuple[list[str], list[str]]:
    """Labels and the model's answers, computed without the command."""
    model = classifier.from_folder(model_folder)
    labels, predicted = [], []
    for path in sorted(pictures.rglob("*.jpg")):
        if path.name != "broken.jpg" and path.parent.name in USED:
            pixels = decode(path.read_bytes(), max_pixels=10**6).pixels
            labels.append(path.parent.name)
            predicted.append(model.top(model.predict([model.prepare(pixels)])[0], 1)[0][0])
    return labels, predicted


def as_json(run, *arguments: str) -> dict:
    done = run(score.main, [*arguments, "--json"])
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_numbers(run, pictures, model_folder, answers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels, predicted = answers
    result = as_json(run, str(pictures), "--model", str(model_folder))
    assert result["images"] == len(labels) == 24
    assert result["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert result["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert result["accuracy_interval"]["low"] <= result["accuracy"] <= result["accuracy_interval"]["high"]
    assert np.array_equal(result["confusion"], confusion_matrix(labels, predicted, labels=CLASSES))
    recalls = {name: row["recall"] for name, row in result["per_class"].items()}
    assert list(recalls) == USED
    assert recalls[result["worst_class"]] == min(recalls.values())
    assert result["unknown_classes"] == {"names": ["desert"], "images": 2}
    assert result["unreadable"] == [f"{USED[0]}/broken.jpg"]
    assert result["training_images"] == {"checked": False, "images": 0, "accuracy_without": result["accuracy"]}


def test_text(run, pictures, model_folder, answers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(score.main, [str(pictures), "--model", str(model_folder)])
    accuracy = accuracy_score(*answers)
    first, worst, _, head, *rows = done.stdout.splitlines()
    assert first.startswith(f"accuracy {accuracy:.3f} [")
    assert " on 24 pictures; the mean over classes: " in first
    assert worst.startswith("worst class: ")
    used = [name for name in CLASSES if name in {*answers[0], *answers[1]}]
    assert head.split() == ["actual", "\\", "predicted", *map(str, range(1, len(used) + 1))]
    expected = confusion_matrix(*answers, labels=used)
    for number, (name, counts) in enumerate(zip(used, expected, strict=True), 1):
        assert rows[number - 1].split() == [str(number), name, *map(str, counts)]
    assert "2 pictures are left out, because the model has no class 'desert'" in done.stdout
    assert "1 picture cannot be decoded and is left out, e.g. 'buildings/broken.jpg'" in done.stdout
    assert "is unknown without its data/audit.csv" in done.stdout


def test_a_tar_scores_like_its_folder(run, pictures, model_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        archive.add(pictures, arcname=".")
    one, other = (as_json(run, str(path), "--model", str(model_folder)) for path in (pictures, tmp_path / "a.tgz"))
    assert one == other


def test_a_split_alone(run, model_folder, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for split, label in (("train", USED[0]), ("train", USED[1]), ("test", USED[1])):
        shutil.copytree(pictures / label, tmp_path / "own" / split / label)
    assert as_json(run, "own", "--model", str(model_folder))["images"] == 18
    assert as_json(run, "own", "--model", str(model_folder), "--split", "test")["images"] == 6
    said = refusal(run(score.main, ["own", "--model", str(model_folder), "--split", "val"]))
    assert said == "no picture in the split val of own has a label; put them in a folder a class, or " + (
        "`scenes predict` them"
    )


def test_pictures_that_the_model_was_trained_on(run, pictures, checkout_folder, answers, tmp_path, monkeypatch):
    """The same file, and the same pixels in another file; a test image of the pipeline does not count."""
    folder = tmp_path / "checkout"
    shutil.copytree(checkout_folder, folder)
    monkeypatch.chdir(folder)
    (folder / "data").mkdir()
    files = sorted(pictures.rglob("*.jpg"))[1:5]
    table = pd.DataFrame(
        {
            "path": [f"train/{path.name}" for path in files],
            "split": ["train", "val", "test", "train"],
            "sha256": [*(hashlib.sha256(path.read_bytes()).hexdigest() for path in files[:3]), "0" * 64],
            "pixel_sha256": [pixel_hash(decode(path.read_bytes(), max_pixels=10**6).pixels) for path in files],
        }
    ).reindex(columns=list(audit_table.COLUMNS), fill_value="0")
    write_csv(folder / "data/audit.csv", table)
    write_csv(folder / "data/split.csv", table[["path", "split", "label", "group"]])
    result = as_json(run, str(pictures))
    assert (result["training_images"]["checked"], result["training_images"]["images"]) == (True, 3)
    seen = {path.relative_to(pictures).as_posix() for path in (files[0], files[1], files[3])}
    readable = [path.relative_to(pictures).as_posix() for path in sorted(pictures.rglob("*.jpg"))
                if path.name != "broken.jpg" and path.parent.name in USED]  # fmt: skip
    correct = [one == other for name, one, other in zip(readable, *answers, strict=True) if name not in seen]
    assert result["training_images"]["accuracy_without"] == pytest.approx(np.mean(correct))
    said = run(score.main, [str(pictures)]).stdout
    assert "warning: the model was trained or chosen on 3 of these pictures, which raises the scores" in said


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["sea"], ({"sea": 4}, {}, [])),
        (["Sea", "FOREST"], ({"FOREST": 1, "Sea": 4}, {"FOREST": "forest", "Sea": "sea"}, [])),
        (["pets/sea"], ({"pets/sea": 4}, {"pets/sea": "sea"}, [])),
        (["lake", "sea"], ({"sea": 4}, {}, ["lake"])),
    ],
)
def test_classes_are_matched_by_name(names, expected):
    assert match_classes(names, CLASSES) == expected


def test_classes_in_another_form_of_unicode_or_of_two_cases():
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert match_classes([decomposed], [composed]).indices == {decomposed: 0}
    assert match_classes([composed], [decomposed]).indices == {composed: 0}
    assert match_classes(["Cat", "CAT"], ["Cat", "cat"]) == ({"Cat": 0}, {}, ["CAT"])


def test_what_cannot_be_scored(run, model_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = ["--model", str(model_folder)]
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        (tmp_path / "pets" / label / "1.jpg").write_bytes(jpeg(len(label)))
    said = refusal(run(score.main, ["pets", *model]))
    assert "none of the classes in pets (cat, dog) is one of the model's (buildings, forest, glacier, " in said
    assert "sea and 1 more)" in said
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat/1.jpg").write_bytes(jpeg(1))
    assert "no class folder holds the" in refusal(run(score.main, ["flat", *model]))
    (tmp_path / "broken/sea").mkdir(parents=True)
    (tmp_path / "broken/sea/1.jpg").write_bytes(encode(picture(1))[:50])
    assert "none of the 1 pictures in broken can be decoded" in refusal(run(score.main, ["broken", *model]))
    (tmp_path / "broken/sea/1.jpg").write_bytes(jpeg(1))
    assert "`--model production` names a model of a checkout" in refusal(run(score.main, ["broken"]))


def test_many_classes_give_a_list_of_errors():
    classes = [f"class {number}" for number in range(15)]
    matrix = np.diag([5] * 15)
    matrix[3, 4], matrix[7, 1] = 2, 3
    lines = score._confusion(classes, matrix.tolist())
    assert lines == [
        "most frequent errors:",
        "  'class 7' taken for 'class 1': 3 of 8",
        "  'class 3' taken for 'class 4': 2 of 7",
    ]
    assert score._confusion(classes, np.diag([5] * 15).tolist())[1:] == ["  none"]
