"""`scenes own`: what it writes into params.yaml, what it leaves alone, and what it says at the end."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from scenes.common.tables import flatten, write_json
from scenes.config.schema import check
from scenes.download.source import parse_source
from scenes.own import finetune, own, params_file
from tests.code_facts import ROOT
from tests.helpers import own_archives
from tests.helpers.stage import refusal

NAME = "my [cats], 'é' \"q\" #1 $HOME $(x)"


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """As much of a checkout as the command looks at; the working folder."""
    folder = tmp_path / "checkout"
    (folder / "scenes").mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DATA", raising=False)
    monkeypatch.setattr(finetune, "DEV", tmp_path / "no devices")
    return folder


@pytest.fixture
def dvc(checkout, monkeypatch) -> SimpleNamespace:
    """`dvc repro` leaves results, or fails with ``dvc.status``; ``dvc.calls`` has the commands."""
    fake = SimpleNamespace(calls=[], status=0, worst="dog")

    def reproduce() -> int:
        fake.calls.append(["dvc", "repro"])
        if not fake.status:
            results(checkout, fake.worst)
        return fake.status

    monkeypatch.setattr(own, "reproduce", reproduce)
    return fake


def results(folder: Path, worst: str) -> None:
    """Write what the end of a run reads: 20 test images, where the class ``worst`` has 3 wrong."""
    for name in ("data/scores", "plots/baseline", "plots/transfer"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_json(folder / "data/scores/production.json", {"model": "transfer"})
    write_json(folder / "data/scores/finetuned.json", {})
    for name, accuracy in (("baseline", 0.6), ("transfer", 0.8)):
        interval = {"low": accuracy - 0.1, "high": accuracy + 0.1}
        scores = {"accuracy": accuracy, "accuracy_interval": interval, "balanced_accuracy": accuracy}
        scores |= {"calibration": {"calibrated": 0}, "val": {"count": 6}}
        write_json(folder / f"data/scores/{name}.json", scores)
    wrong = {"dog": "cat", "cat": "dog"}.get(worst, "cat")
    rows = [f"{label}/{n}.jpg,{label},{wrong if label == worst and n < 3 else label},0.9" for label in ("cat", "dog")
            for n in range(10)]  # fmt: skip
    lines = ["key,actual,predicted,confidence", *rows, ""]
    (folder / "plots/transfer/predictions.csv").write_text("\n".join(lines))
    split = [f"{label}/{n}.jpg,train,{label},g" for label, count in (("cat", 30), ("dog", 12)) for n in range(count)]
    (folder / "data/split.csv").write_text("\n".join(["path,split,label,group", *split, "a.jpg,val,dog,g", ""]))
    issues = ["key,given_label,suggested_label,score,reason", "cat/1.jpg,cat,dog,0.1,model", ""]
    (folder / "data/label_issues.csv").write_text("\n".join(issues))


def keys_changed(folder: Path) -> set[str]:
    before, after = (
        flatten(yaml.safe_load((each / "params.yaml").read_text(encoding="utf-8"))) for each in (ROOT, folder)
    )
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


@pytest.mark.parametrize("pack", [own_archives.unpack, own_archives.write])
def test_it_writes_the_profile_and_runs(run, checkout, dvc, tmp_path, pack):
    path = pack("train_valid_test", tmp_path)
    path = path.rename(path.with_name(f"{NAME}{path.suffix}"))
    done = run(own.main, [f"../{path.name}"])
    assert (done.returncode, done.stderr) == (0, "")
    assert dvc.calls == [["dvc", "repro"]]
    params = check("params.yaml")
    assert (params.profile, params.watch) == ("own", str(path))
    assert parse_source(params.profiles["own"].source).place == str(path)
    assert params.profiles["own"].title == f"M{NAME[1:]}"
    assert (params.profiles["own"].image_size, params.profiles["own"].cnn.epochs) == (64, 40)
    own_keys = ("title", "source", "image_size", "cnn.image_size", "cnn.epochs", "fit")
    assert keys_changed(checkout) <= {"profile", "watch", *(f"profiles.own.{key}" for key in own_keys)}
    assert "train/ 24, valid/ 24, test/ 24; 2 classes (36 images each); nothing else\n" in done.stdout
    assert "params.yaml: profile: own, " in done.stdout


def test_the_end(run, checkout, dvc, tmp_path):
    said = run(own.main, [str(own_archives.unpack("no_split", tmp_path))]).stdout
    end = said[said.index("accuracy on the test images") :]
    assert "  0.600 [0.500, 0.700] baseline, CNN from scratch" in end
    assert "  0.800 [0.700, 0.900] transfer, logistic regression on frozen EfficientNetLite0 (pretrained" in end
    assert re.search("transfer, .*; in production\n", end)
    assert "finetuned, " not in end
    assert "worst class: 'dog', 70% of 10 recognised, most often taken for 'cat'\n" in end
    assert "the confidence of transfer is not calibrated: 6 validation images, fewer than the 50 that" in end
    assert "look at 1 label in data/label_issues.csv" in end
    assert re.search(r"add pictures of 'dog', which has 12 to train on, .* about \d+ minutes", end)
    assert re.search(r"`dvc exp run -S profiles\.own\.features\.finetuned\.enabled=true`: about \d+ minutes?; the", end)
    assert "right on 80% only: its features suit photos of things" in end


def test_the_end_when_all_are_right_and_the_backbone_has_learned(run, checkout, dvc, tmp_path):
    dvc.worst = ""
    path = own_archives.unpack("no_split", tmp_path)
    run(own.main, [str(path), "--no-run"])
    assert dvc.calls == []
    said = run(own.main, [str(path), "--finetune"]).stdout
    assert "worst class: 'cat', 100% of 10 recognised\n" in said
    assert "add pictures of" not in said
    assert "features.finetuned.enabled=true" not in said


def test_fine_tuning_is_decided_once_and_by_an_option_at_any_time(run, checkout, dvc, tmp_path, monkeypatch):
    def enabled(*options: str) -> bool:
        assert run(own.main, [str(path), "--no-run", *options]).returncode == 0
        return check("params.yaml").profiles["own"].features["finetuned"].enabled

    path = own_archives.unpack("no_split", tmp_path)
    monkeypatch.setattr(finetune, "gpu_names", lambda: ["NVIDIA H200"])
    monkeypatch.setattr(finetune, "has_device", lambda: True)
    assert enabled()
    monkeypatch.setattr(finetune, "has_device", lambda: False)
    assert enabled(), "the same pictures keep their settings"
    assert not enabled("--reset")
    assert enabled("--finetune")
    assert enabled()
    assert not enabled("--no-finetune")


def test_settings_changed_by_hand_stay_until_the_data_are_others(run, checkout, dvc, tmp_path):
    path, other = (own_archives.unpack(name, tmp_path) for name in ("no_split", "train_val"))
    run(own.main, [str(path)])
    changed = {"profiles.own.image_size": 128, "profiles.own.title": "Mine", "profile": "demo"}
    params_file.update("params.yaml", changed)
    said = run(own.main, [str(path)]).stdout
    own_profile = check("params.yaml").profiles["own"]
    assert (check("params.yaml").profile, own_profile.image_size, own_profile.title) == ("own", 128, "Mine")
    assert "other settings as they were; `--reset` chooses them anew" in said
    assert "params.yaml: as before" in run(own.main, [str(path)]).stdout
    run(own.main, [str(path), "--reset"])
    assert check("params.yaml").profiles["own"].image_size == 64
    params_file.update("params.yaml", changed | {"profiles.own.archive_bytes": 5})
    run(own.main, [str(other)])
    own_profile = check("params.yaml").profiles["own"]
    assert (own_profile.image_size, own_profile.title, own_profile.archive_bytes) == (64, "Train val", None)


def test_archives_added_by_hand_stay(run, checkout, dvc, tmp_path):
    path = own_archives.unpack("no_split", tmp_path)
    run(own.main, [str(path)])
    added = {"profiles.own.source": [f"file:{path}", "kaggle:a/b"], "watch": str(tmp_path)}
    params_file.update("params.yaml", added)
    assert "params.yaml: as before" in run(own.main, [str(path)]).stdout
    run(own.main, [str(path), "--reset"])
    params = check("params.yaml")
    assert (params.profiles["own"].source, params.watch) == (f"file:{path}", str(path))


@pytest.mark.parametrize("spelled", ["../{name}", "~/{name}", "{folder}/x/../{name}", "../link"])
@pytest.mark.parametrize("more", [[], ["kaggle:a/b"]])
def test_a_source_is_known_however_its_path_is_spelled(run, checkout, dvc, tmp_path, monkeypatch, spelled, more):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = own_archives.write("no_split", tmp_path)
    (tmp_path / "link").symlink_to(path)
    source = f"file:{spelled.format(name=path.name, folder=tmp_path)}"
    values = {"title": "Mine", "source": [source, *more] if more else source, "archive_bytes": [5, *[None] * len(more)]}
    params_file.update("params.yaml", {f"profiles.own.{key}": value for key, value in values.items()})
    assert "other settings as they were" in run(own.main, [str(path), "--no-run"]).stdout
    own_profile = check("params.yaml").profiles["own"]
    assert {key: getattr(own_profile, key) for key in values} == values


def test_a_list_of_sources_is_replaced_only_if_that_is_asked_for(run, checkout, dvc, tmp_path):
    first, second, other = (own_archives.write(name, tmp_path) for name in ("no_split", "train_val", "capital_splits"))
    values = {"source": [f"file:../{path.name}" for path in (first, second)], "archive_sha256": ["a" * 64, None]}
    params_file.update("params.yaml", {f"profiles.own.{key}": value for key, value in values.items()})
    before = Path("params.yaml").read_text()
    for path in (second, other):
        said = refusal(run(own.main, [str(path)]))
        assert "the profile own has a list of 2 sources, and " in said
        assert f"{path} is not the first; " in said
        assert "or add `--reset`" in said
    assert (Path("params.yaml").read_text(), dvc.calls) == (before, [])
    assert run(own.main, [str(second), "--reset"]).returncode == 0
    own_profile = check("params.yaml").profiles["own"]
    assert (own_profile.source, own_profile.archive_sha256) == (f"file:{second}", None)


def test_what_is_watched_for_a_list_stays(run, checkout, dvc, tmp_path):
    first, second = own_archives.write("no_split", tmp_path), own_archives.unpack("train_val", tmp_path)
    values = {"watch": str(second), "profiles.own.source": [f"file:{first}", f"file:{second}"]}
    params_file.update("params.yaml", values)
    assert run(own.main, [str(first)]).returncode == 0
    assert check("params.yaml").watch == str(second)


def test_a_failing_run_hands_on_its_status(run, checkout, dvc, tmp_path):
    dvc.status = 3
    done = run(lambda *arguments: exit(own.main(list(arguments))), str(own_archives.unpack("no_split", tmp_path)))
    assert done.returncode == 3
    assert "accuracy" not in done.stdout


def test_what_cannot_be_used_changes_nothing(run, checkout, dvc, tmp_path):
    inside = own_archives.unpack("no_split", checkout / "data")
    assert "make own DATA=~/pictures/flowers" in refusal(run(own.main, []))
    assert "make own DATA=" in refusal(run(own.main, [""]))
    assert "is in data/, where the pipeline writes and `make clean` deletes" in refusal(run(own.main, [str(inside)]))
    assert "holds the project itself" in refusal(run(own.main, ["."]))
    assert "holds the project itself" in refusal(run(own.main, [".."]))
    assert "does not exist" in refusal(run(own.main, ["../nowhere"]))
    (tmp_path / "link").symlink_to(inside)
    assert "is in data/" in refusal(run(own.main, ["../link"]))
    assert "multi-label" in refusal(run(own.main, [str(own_archives.write("multi_label", tmp_path))]))
    named = own_archives.unpack("train_val", tmp_path)
    named = named.rename(named.with_name("${profile} pets"))
    assert "has ${ in it, which DVC takes for a variable" in refusal(run(own.main, [str(named)]))
    assert keys_changed(checkout) == set()
    assert dvc.calls == []


def test_data_comes_from_the_environment_too(run, checkout, dvc, tmp_path, monkeypatch):
    path = own_archives.unpack("no_split", tmp_path)
    monkeypatch.setenv("DATA", str(path))
    assert run(own.main, []).returncode == 0
    assert check("params.yaml").watch == str(path)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("flower_photos.tar.gz", "Flower photos"),
        ("Pets-2024.zip", "Pets 2024"),
        ("猫", "猫"),
        (".zip", "My pictures"),
        ("v1.2", "V1.2"),
    ],
)
def test_title(name, title):
    assert own.title(f"/some/{name}") == title


# Needs a second after Ctrl-C, as a stage does that ends; then its lock is written.
SLOW_DVC = """#!/bin/sh
trap 'sleep 1; touch lock; exit 255' INT
touch started
while :; do sleep 0.1; done
"""


@pytest.mark.process
def test_ctrl_c_waits_for_dvc_and_says_nothing_twice(tmp_path):
    dvc = tmp_path / "dvc"
    dvc.write_text(SLOW_DVC)
    dvc.chmod(0o755)
    code = f"from scenes.own import own; own.environment = lambda: {{'PATH': '{tmp_path}:/usr/bin:/bin'}}\n"
    code += "from scenes.common.errors import exit_on_input_error\nwith exit_on_input_error(): exit(own.reproduce())"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        # A background job of a shell ignores the signal, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            while not (tmp_path / "started").exists():
                assert process.poll() is None
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGINT)
            assert process.communicate(timeout=30)[1] == ""
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert (tmp_path / "lock").exists()


@pytest.mark.process
@pytest.mark.parametrize("how", ["argument", "environment"])
def test_make_hands_any_path_on(tmp_path, how):
    """The lines of the Makefile that pass DATA on; neither make nor the shell takes anything in it for its own."""
    text = (ROOT / "Makefile").read_text()
    lines = [line for line in text.splitlines() if line.startswith(("SHELL", "override DATA", "export BASE"))]
    assert len(lines) == 3
    recipe = re.search(r"^own: .*\n\t(.*)$", text, re.MULTILINE)[1]
    assert recipe == '@python -m scenes own "$$DATA" $(ARGS)'
    shown = recipe.replace("python -m scenes own", "printf %s")
    (tmp_path / "Makefile").write_text("\n".join([*lines, "own:", f"\t{shown}", ""]))
    path = f"/tmp/{NAME} `y` % \\ ; & * $$ {{a}}"
    arguments = [f"DATA={path}"] if how == "argument" else []
    done = subprocess.run(
        ["make", "--silent", "own", *arguments],
        cwd=tmp_path,
        env=os.environ | ({"DATA": path} if how == "environment" else {}),
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == (path, "")
