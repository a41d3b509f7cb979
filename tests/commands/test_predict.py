"""The command as a person uses it: what a model says of photos, and what goes wrong in a sentence each."""

import csv
import dataclasses
import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from scenes.commands import verify
from scenes.commands.main import main
from scenes.commands.predict import LIMITS, THREADS, _parser
from scenes.config import schema
from scenes.evaluation import abstention
from scenes.evaluation.presence import PresenceCalibration
from scenes.images import decode
from scenes.images.formats import FORMATS
from scenes.process.runtime import muted_stderr
from scenes.serving import answer_formats, classifier
from scenes.serving import photos as serving_photos
from scenes.serving.classifier import Answer
from scenes.serving.photos import one_line
from scenes.serving.stream import Answered
from tests.code_facts import ROOT
from tests.helpers import hostile
from tests.helpers.pictures import encode, picture
from tests.helpers.production_folder import CLASSES

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("deterministic")]
ATOL = 2e-6  # float32 sums in another order, and the sixth decimal of a file


@pytest.fixture
def run(checkout_folder, monkeypatch, capfd):
    """Return a function that runs the command in a folder: its status, stdout and stderr."""

    def command(*arguments, folder: Path = checkout_folder) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        try:
            status = main(["predict", *map(str, arguments)])
        except SystemExit as ended:
            status = ended.code
        return status, *capfd.readouterr()

    return command


@pytest.fixture
def some(tmp_path) -> Path:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(encode(picture(number)))
    return tmp_path


def table_of(out: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(out)).set_index("key")


def assert_same(table: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert list(table.columns) == list(expected.columns)
    assert list(table.index) == list(expected.index)
    assert table["class"].equals(expected["class"])
    assert table["unsure"].equals(expected["unsure"])
    scores = expected.select_dtypes("float").columns
    np.testing.assert_allclose(table[scores], expected[scores], atol=ATOL, rtol=0)


def test_a_folder_gets_the_answers_of_the_model(run, some, model_folder):
    status, out, err = run("--csv", some)
    assert (status, err) == (0, "")
    table = table_of(out)
    assert list(table.index) == [f"{some}/{number}.jpg" for number in range(3)]
    model = classifier.from_folder(model_folder)
    for number, (_, row) in enumerate(table.iterrows()):
        pixels = serving_photos.decode((some / f"{number}.jpg").read_bytes(), LIMITS).pixels
        (answer,) = model.predict([model.prepare(pixels)])
        assert row["class"] == model.top(answer, 1)[0][0]
        assert row["unsure"] == model.unsure(answer)
        found = row[[f"probability_{name}" for name in CLASSES]].astype(float)
        np.testing.assert_allclose(found, answer.probabilities, atol=ATOL)


def test_a_zip_and_single_files_get_them_too(run, some, tmp_path_factory):
    path = tmp_path_factory.mktemp("zip") / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in (2, 0, 1):
            archive.write(some / f"{number}.jpg", f"a/{number}.jpg")
    expected = table_of(run("--csv", some)[1])
    status, out, _ = run(path, some / "1.jpg", some / "0.jpg", "--csv")
    assert status == 0
    first, second, third = expected.index
    names = [*(f"{path}/a/{number}.jpg" for number in range(3)), second, first]
    assert_same(table_of(out), expected.loc[[first, second, third, second, first]].set_axis(names).rename_axis("key"))


def test_json_is_an_object_a_line_and_says_the_same(run, some):
    expected = table_of(run("--csv", some)[1])
    status, out, _ = run("--json", "--top-k", 2, some)
    objects = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [found["key"] for found in objects] == list(expected.index)
    for found, (_, row) in zip(objects, expected.iterrows(), strict=True):
        assert (found["class"], found["unsure"]) == (row["class"], row["unsure"])
        assert found["confidence"] == pytest.approx(row["confidence"], abs=ATOL)
        assert found["presence"] == pytest.approx({key: row[f"presence_{key}"] for key in CLASSES}, abs=ATOL)
        first, second = found["top"]
        assert first["class"] == found["class"]
        assert first["probability"] >= second["probability"]
        for item in found["top"]:
            assert item["probability"] == pytest.approx(row[f"probability_{item['class']}"], abs=ATOL)


def test_a_line_for_a_person(run, some):
    status, out, err = run(some / "1.jpg", some / "0.jpg", "--top-k", 100)
    assert (status, err) == (0, "")
    one, other = out.splitlines()
    assert one.startswith(f"{some}/1.jpg: ")
    assert other.startswith(f"{some}/0.jpg: ")
    assert all(one.count(f"{name} ") == 1 for name in CLASSES)
    assert "; contains " in one
    assert run(some / "1.jpg", "--top-k", 1)[1].count("%") == 1
    assert run(some / "1.jpg")[1].count("%") == 3
    assert {each["class"] for each in json.loads(run("--json", some / "1.jpg")[1])["top"]} == set(CLASSES)


def test_what_cannot_be_used_is_named_and_the_rest_is_answered(run, some):
    (some / "2.jpg").write_bytes(b"no image")
    (some / "notes.txt").write_text("notes")
    (some / "a.zip").write_bytes(b"no zip")
    status, out, err = run("--csv", some / "nothing.jpg", some, some / "a.zip")
    assert status == 1
    assert list(pd.read_csv(io.StringIO(out))["key"]) == [f"{some}/0.jpg", f"{some}/1.jpg"]
    assert err.splitlines() == [
        f"{some}/nothing.jpg: there is no such file",
        f"{some}/2.jpg: this is not a readable image; choose another file "
        f"(supported: {', '.join(FORMATS[:-1])} and {FORMATS[-1]})",
        f"{some}/a.zip: it is not a zip that can be read (File is not a zip file); download it again",
        f"1 skipped, because zips inside a folder or a zip are not opened; give them by themselves: {some}/a.zip",
        f"1 skipped, because their names are not those of images: {some}/notes.txt",
        "3 of 5 could not be used",
    ]


def test_names_do_nothing_to_a_screen(run, some):
    (some / "\x1b[31m\n<b>, \u202e.jpg").write_bytes(encode(picture(9)))
    (some / "\x1b[2J.jpg").write_bytes(b"")
    status, out, err = run("--csv", some)
    assert status == 1
    keys = ["0.jpg", "1.jpg", "2.jpg", "\\x1b[31m\\n<b>, \\u202e.jpg"]
    assert set(pd.read_csv(io.StringIO(out))["key"]) == {f"{some}/{name}" for name in keys}
    assert err == f"{some}/\\x1b[2J.jpg: it is empty (0 bytes); choose another file\n1 of 5 could not be used\n"
    assert run("\x1b[2J", "--model", "\x1b[2J")[2].isascii()


def test_what_is_hostile_is_answered_or_named_once(run, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    said = {}
    for file in hostile.FILES:
        (folder / file.name).write_bytes(file.data)
        said[one_line(str(folder / file.name))] = file.sentence
    with (folder / "large.jpg").open("wb") as file:
        file.truncate(100_000_000)
    said[f"{folder}/large.jpg"] = "it has 100.0 MB, more than the 50 MB allowed"
    zips = []
    for file in [*hostile.ZIPS, hostile.SOUND_ZIP]:
        zips.append(tmp_path / file.name)
        zips[-1].write_bytes(file.data)
        said[str(zips[-1])] = file.sentence
    del said[str(zips[-1])]
    said[f"{zips[-1]}/{hostile.MEMBER}"] = ""
    before = set(tmp_path.rglob("*"))
    status, out, err = run("--csv", folder, *zips)
    assert status == 1
    lines = err.splitlines()
    assert lines == list(map(one_line, lines))
    *named, passed_over, total = lines
    refused = {name: sentence for name, sentence in said.items() if sentence}
    assert len(named) == len(refused)
    for name, sentence in refused.items():
        (line,) = [line for line in named if line.startswith(f"{name}: ")]
        assert sentence in line
    assert passed_over.endswith(f": {tmp_path}/page.zip/inside.html")
    assert total == f"{len(refused)} of {len(said)} could not be used"
    keys = pd.read_csv(io.StringIO(out))["key"]
    assert sorted(keys) == sorted(name for name, sentence in said.items() if not sentence)
    assert set(tmp_path.rglob("*")) == before


def test_libtiff_has_something_to_say(capfd):
    """Which the test above would not miss."""
    (fax,) = [file.data for file in hostile.FILES if file.name == "fax.tif"]
    decode.decode(fax, max_pixels=10_000)
    assert "Fax4Decode" in capfd.readouterr().err
    with muted_stderr():
        decode.decode(fax, max_pixels=10_000)
    assert capfd.readouterr().err == ""


def test_every_form_says_that_a_confidence_is_not_calibrated(run, some, model_folder, tmp_path_factory):
    folder = shutil.copytree(model_folder, tmp_path_factory.mktemp("other") / "model")
    described = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(described | {"calibrated": False}))
    for model, calibrated in ((model_folder, True), (folder, False)):
        assert (" (not calibrated); contains " in run(some / "0.jpg", "--model", model)[1]) != calibrated
        assert json.loads(run(some / "0.jpg", "--json", "--model", model)[1])["calibrated"] == calibrated
        warning = "" if calibrated else "the probabilities are not calibrated\n"
        assert run(some / "0.jpg", "--csv", "--model", model)[2] == warning


def test_every_form_says_what_is_unlike_the_training_images_and_that_these_were_drawings(
    run, some, model_folder, tmp_path_factory
):
    folder = shutil.copytree(model_folder, tmp_path_factory.mktemp("other") / "model")
    described = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(described | {"drawn": True, "unlike_above": 0.0}))
    text = run(some / "0.jpg", "--model", folder)[1]
    assert "unlike the training images; " in text
    assert " (learned from drawings)" in text
    said = json.loads(run(some / "0.jpg", "--json", "--model", folder)[1])
    assert said["learned_from_drawings"] and said["unlike_training"] and said["distance"] > 0
    _, out, err = run(some / "0.jpg", "--csv", "--model", folder)
    row = table_of(out).iloc[0]
    assert row["unlike_training"] and row["learned_from_drawings"]
    assert row["distance"] == pytest.approx(said["distance"], abs=ATOL)
    assert err == "the model learned from drawings, not from photos\n"

    (folder / "model.json").write_text(json.dumps(described | {"unlike_above": None}))
    other = json.loads(run(some / "0.jpg", "--json", "--model", folder)[1])
    assert other == said | {"learned_from_drawings": False, "unlike_training": None}
    (folder / "training_features.npy").unlink()  # as of a model that is not in production
    del other["distance"], other["unlike_training"]
    _, out, err = run(some / "0.jpg", "--json", "--model", folder)
    assert json.loads(out) == other
    assert err == "not measured: how unlike the training images a photo is (no training_features.npy)\n"


def test_training_features_of_another_model_are_refused(run, some, model_folder, tmp_path_factory):
    folder = shutil.copytree(model_folder, tmp_path_factory.mktemp("other") / "model")
    np.save(folder / "training_features.npy", np.ones((4, 7), np.float16))
    status, out, err = run(some / "0.jpg", "--model", folder)
    assert (status, out) == (1, "")
    assert err == (
        f"error: {folder}/training_features.npy does not fit the model.keras beside it; copy both from one folder\n"
    )


def test_without_a_threshold_no_answer_is_unsure_or_sure_and_it_is_said(run, some, model_folder, tmp_path_factory):
    folder = shutil.copytree(model_folder, tmp_path_factory.mktemp("other") / "model")
    described = json.loads((folder / "model.json").read_text())
    for unsure_below, unsure, said in ((1.0, True, ""), (None, None, f"{abstention.NO_PROMISE}\n")):
        (folder / "model.json").write_text(json.dumps(described | {"unsure_below": unsure_below}))
        status, out, err = run(some / "0.jpg", "--json", "--model", folder)
        assert (status, json.loads(out)["unsure"], err) == (0, unsure, said)
    assert "unsure" not in run(some / "0.jpg", "--model", folder)[1]
    assert table_of(run(some / "0.jpg", "--csv", "--model", folder)[1])["unsure"].isna().all()


def test_with_two_classes_presence_is_left_out_but_for_the_columns_of_the_table(model_folder):
    model = classifier.from_folder(model_folder)
    network = keras.Model(model.network.input, model.network.output[:, :2])
    presence = PresenceCalibration([1.0, 1.0], [0.0, 0.0])
    model = dataclasses.replace(model, network=network, classes=("cat", "dog"), presence_calibration=presence)
    answer = Answer(np.array([0.9, 0.1], np.float32), np.array([0.8, 0.2], np.float32))
    photo = Answered("a.jpg", np.zeros((1, 1, 3), np.uint8), answer)
    assert answer_formats.text_line(photo, model, 3) == "a.jpg: cat 90.0%, dog 10.0%"
    assert "presence" not in json.loads(answer_formats.json_line(photo, model, 3))
    assert ",presence_cat,presence_dog," in answer_formats.csv_rows([photo], model, header=True)


@pytest.mark.parametrize("name", ["=1+1", "+a", "-1", "@a"])
def test_a_name_is_no_formula_to_a_spreadsheet(name):
    model = SimpleNamespace(classes=(name, "b"), unsure_below=0.5, drawn=False, unlike_above=None, training=None)
    answer = Answer(np.array([0.9, 0.1], np.float32), np.array([0.8, 0.2], np.float32))
    photos = [Answered(key, np.zeros((1, 1, 3), np.uint8), answer) for key in (name, f"photos/{name}")]
    header, *rows = csv.reader(io.StringIO(answer_formats.csv_rows(photos, model, header=True)))
    assert header[:5] == ["key", "class", "confidence", f"probability_{name}", "probability_b"]
    assert [row[:2] for row in rows] == [[f"'{name}", f"'{name}"], [f"photos/{name}", f"'{name}"]]


def test_other_models(run, some):
    photo = some / "0.jpg"
    production = run(photo, "--json")
    assert production[0] == 0
    for name in ("production", "models/production", "models/production/model.keras"):
        assert run(photo, "--json", "--model", name) == production
    status, out, err = run(photo, "--model", "nonesuch")
    assert (status, out) == (1, "")
    assert err == (
        "error: there is no model 'nonesuch'; use one of production, or get the others of params.yaml with `dvc repro` "
        "or `dvc pull`\n"
    )
    for name, hint in {
        photo: "name a folder with model.keras and model.json, such as a copy of models/production",
        "models/none": "use models/production",
        "models/none/model.keras": "use models/production",
        "models": "use models/production",
    }.items():
        status, out, err = run(photo, "--model", name)
        assert (status, out) == (1, "")
        assert err == f"error: {name} does not hold model.keras and model.json; {hint}\n"


def test_outside_a_checkout_a_folder_is_enough_and_a_name_is_not(run, some, model_folder):
    (some / "params.yaml").write_text("of: another project\n")
    inside = run(some / "0.jpg", "--json")
    assert run(some / "0.jpg", "--json", "--model", model_folder, folder=some) == inside
    for arguments in ((), ("--model", "production"), ("--model", "baseline")):
        status, out, err = run(some / "0.jpg", *arguments, folder=some)
        assert (status, out) == (1, "")
        assert err == (
            f"error: `--model {arguments[1] if arguments else 'production'}` names a model of a checkout, but this "
            "folder is not one; name a folder with model.keras and model.json, such as a copy of models/production\n"
        )


def test_limits_are_those_of_the_checkout_or_else_the_committed_ones(
    run, some, checkout_folder, tmp_path_factory, model_folder
):
    params = schema.check(ROOT / "params.yaml")
    archive = params.archive
    assert (LIMITS.max_member_bytes, LIMITS.max_ratio, LIMITS.max_pixels, THREADS) == (
        archive.max_member_bytes,
        archive.max_ratio,
        archive.max_pixels,
        params.threads,
    )
    strict = tmp_path_factory.mktemp("strict")
    (strict / "scenes").mkdir()
    (strict / "dvc.yaml").touch()
    text = (checkout_folder / "params.yaml").read_text(encoding="utf-8")
    assert f"max_pixels: {LIMITS.max_pixels}" in text
    (strict / "params.yaml").write_text(text.replace(f"max_pixels: {LIMITS.max_pixels}", "max_pixels: 100"))
    status, _, err = run(some / "0.jpg", "--model", model_folder, folder=strict)
    assert status == 1
    assert "1 of 1 could not be used" in err


def test_where_there_is_no_photo(run, some, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "notes.txt").touch()
    (other / "empty").mkdir()
    with zipfile.ZipFile(other / "empty.zip", "w"):
        pass
    status, out, err = run(other)
    assert (status, out) == (1, "")
    assert err == (
        f"{other}: it contains no image\n"
        f"1 skipped, because zips inside a folder or a zip are not opened; give them by themselves: {other}/empty.zip\n"
        f"1 skipped, because their names are not those of images: {other}/notes.txt\n"
        "1 of 1 could not be used\n"
    )
    status, out, err = run(some / "0.jpg", other / "empty", other / "empty.zip", "--json")
    assert status == 1
    assert [json.loads(line)["key"] for line in out.splitlines()] == [f"{some}/0.jpg"]
    assert err == (
        f"{other}/empty: it contains no image\n{other}/empty.zip: it contains no image\n2 of 3 could not be used\n"
    )


@pytest.mark.parametrize("arguments", ["", "a.jpg --top-k 0", "a.jpg --top-k x", "a.jpg --csv --json"])
def test_arguments_that_mean_nothing(run, arguments):
    status, out, err = run(*arguments.split())
    assert (status, out) == (2, "")
    assert "error: " in err


def test_the_docs_show_arguments_that_there_are():
    text = "".join((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/serving.md"))
    lines = [line for line in text.splitlines() if line.startswith(("python -m scenes predict", "scenes predict"))]
    assert len(lines) == 2
    for line in lines:
        _parser().parse_args(shlex.split(line.partition("predict ")[2].partition(">")[0].partition("#")[0]))


# As processes of their own


def many(folder: Path, count: int) -> Path:
    folder.mkdir()
    (folder / "é0.jpg").write_bytes(encode(picture(0, 400, 300)))
    for number in range(1, count):
        (folder / f"é{number}.jpg").hardlink_to(folder / "é0.jpg")
    return folder


def peak(folder: Path, checkout_folder: Path) -> float:
    """Run the command; return its largest memory in MB."""
    with Path(os.devnull).open("w") as nowhere:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "scenes",
                "predict",
                "--csv",
                "--model",
                checkout_folder / "models/production",
                folder,
            ],
            cwd=folder,
            env=verify.environment(PYTHONPATH=str(ROOT)),
            stdout=nowhere,
            stderr=nowhere,
        )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


@pytest.mark.process
def test_a_large_folder_takes_no_more_memory_than_a_small_one(checkout_folder, tmp_path):
    """550 photos more, which would take 190 MB if they were kept."""
    assert peak(many(tmp_path / "many", 600), checkout_folder) < peak(many(tmp_path / "few", 50), checkout_folder) + 60


@pytest.mark.process
def test_head_ends_it_quietly_also_where_the_screen_knows_no_accents(checkout_folder, tmp_path):
    folder = many(tmp_path / "many", 1500)
    command = f"{shlex.quote(sys.executable)} -m scenes predict {folder} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=checkout_folder,
        # The folder `scenes` of this checkout is empty: without it Python would take it for the package.
        env=verify.environment(PYTHONPATH=str(ROOT), PYTHONSAFEPATH="1", PYTHONIOENCODING="ascii"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    first, status = done.stdout.splitlines()
    assert first.startswith(f"{folder}/\\xe90.jpg: ")
    assert status == "141"
    assert "Error" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_ctrl_c_ends_it_at_once(checkout_folder, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "scenes", "predict", many(tmp_path / "many", 3000)],
        cwd=checkout_folder,
        env=verify.environment(PYTHONPATH=str(ROOT), PYTHONSAFEPATH="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell lets what it starts with & ignore it
    )
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.count("\n") < 640  # those of the batches in work, and not of all
    assert "Traceback" not in err


@pytest.mark.process
def test_the_answers_are_those_of_the_pipeline(run, pipeline, tmp_path):
    expected = pd.read_csv(pipeline.one / "data/predictions.csv").set_index("key")
    with zipfile.ZipFile(pipeline.one / "data/raw/archive.zip") as archive:
        archive.extractall(tmp_path, expected.index)
    status, out, err = run("--csv", tmp_path, folder=pipeline.one)
    described = json.loads((pipeline.one / "models/production/model.json").read_text())
    uncalibrated = "" if described["calibrated"] else "the probabilities are not calibrated\n"
    uncalibrated += "the model learned from drawings, not from photos\n"
    assert (status, err) == (0, uncalibrated + (described["unsure_below"] is None) * f"{abstention.NO_PROMISE}\n")
    table = table_of(out)
    assert_same(table.rename(index=lambda key: str(Path(key).relative_to(tmp_path))), expected)
    status, out, _ = run("--csv", tmp_path, "--model", "transfer", folder=pipeline.one)
    assert status == 0
    assert list(table_of(out).index) == list(table.index)
