"""What `make provenance` says of a model: on a small repository of DVC's own making, and where files were changed."""

import hashlib
import json
import re

import pytest
import yaml

from scenes.commands import provenance
from scenes.common.checksum import file_hash
from scenes.common.errors import InputError
from scenes.provenance import dvc_lock, lineage, record
from scenes.provenance.code import digest
from tests.code_facts import ROOT
from tests.helpers import dvc_cli

DVC_YAML = """
stages:
  download: {cmd: "true", outs: [data/raw/archive.zip]}
  split: {cmd: "true", deps: [data/raw/archive.zip], params: [seed], outs: [data/split.csv]}
  train: {cmd: "true", deps: [data/split.csv, code/train.txt], params: [models.m], outs: [models/m]}
  evaluate: {cmd: "true", deps: [models/m], outs: [data/scores/m.json]}
  export:
    cmd: "true"
    deps: [models/m, code/train.txt]
    outs: [models/export, data/scores/export.json]
  other: {cmd: "true", deps: [code/train.txt], outs: [data/other]}
"""
PARAMS = {"seed": 1, "models": {"m": {"rate": 0.5, "names": ["a b", "c"]}}}
FILES = {
    "dvc.yaml": DVC_YAML,
    "params.yaml": yaml.safe_dump(PARAMS),
    "code/train.txt": "0  stages.train\n",
    "data/raw/archive.zip": "an archive",
    "data/split.csv": "a split",
    "data/other": "another",
    "data/scores/m.json": json.dumps({"accuracy": 0.75, "clean": {"accuracy": 0.5}}),
    "data/scores/export.json": json.dumps({"onnx": {"bytes": 7}}),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with a model whose provenance.json is true; DVC itself writes dvc.lock."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in ("models/m", "models/export"):
        (tmp_path / name).mkdir(parents=True)
    origin = {f"{key}_sha256": file_hash(tmp_path / path) for key, path in ORIGIN.items()}
    origin["data_params"] = {"size": 48}
    facts = {"backbone": "B0", "sha256": "0" * 64}
    backbone = {"inputs": {}, "params": {"rate": 0.25}, "finetuned": {"params": {"epochs": 0}}, "weights": facts}
    record.save(
        "models/m",
        origin=origin,
        inputs=["data/raw"],
        params={"seed": 1, "models.m": PARAMS["models"]["m"]},
        code=digest(FILES["code/train.txt"]),
        features=backbone,
    )
    model = record.read("models/m")
    code = digest(FILES["code/train.txt"])
    record.save("models/export", origin=model, inputs=["models/m"], params={}, code=code, model=model)
    dvc_cli.succeed(tmp_path, "init --no-scm --quiet", "commit --force --quiet")
    return tmp_path


ORIGIN = {"archive": "data/raw/archive.zip", "split": "data/split.csv"}


def told(capsys, folder, status: int, model: str = "m") -> str:
    assert provenance.main([model]) == status
    return capsys.readouterr().out


def test_the_chain_goes_from_archive_to_scores(folder, capsys):
    said = told(capsys, folder, 0)
    stages = re.findall(r"^(\w+)$", said, re.MULTILINE)
    assert stages == ["download", "split", "train", "evaluate"]
    entries = [
        entry
        for name in stages
        for part in ("deps", "outs")
        for entry in yaml.safe_load((folder / "dvc.lock").read_text())["stages"][name].get(part, [])
    ]
    assert len(entries) == 8
    assert said.count("  code  ") == 2  # one stage has some, and the model names it
    for entry in entries:
        assert f"{entry['md5'][:8]}  {entry['path']}\n" in said
    assert 'params  models.m.names=["a b", "c"] models.m.rate=0.5\n' in said
    assert "models/m/provenance.json\n" in said
    assert hashlib.sha256(FILES["data/split.csv"].encode()).hexdigest() in said
    assert "accuracy=0.75\n" in said
    assert said.endswith("all files in the workspace agree with dvc.lock and provenance.json\n")


def test_what_the_model_was_made_from_says_what_made_it(folder, capsys):
    said = told(capsys, folder, 0)
    assert "\n  data    size=48\n" in said
    features = "models/m/provenance.json: features"
    assert f'{features}\n  params  rate=0.25\n  weights backbone="B0" sha256="{"0" * 64}"\n' in said
    assert f"{features}: finetuned\n  params  epochs=0\n" in said


def test_what_was_made_from_a_model_has_a_chain_too(folder, capsys):
    said = told(capsys, folder, 0, "export")
    assert re.findall(r"^(\w+)$", said, re.MULTILINE) == ["download", "split", "train", "export"]
    assert "models/export/provenance.json: model: features: finetuned\n" in said
    assert "data/scores/export.json\n  scores  onnx.bytes=7\n" in said


def test_what_is_not_here_is_named_and_no_contradiction(folder, capsys):
    (folder / "data/split.csv").unlink()
    assert "missing, so not compared: data/split.csv\n" in told(capsys, folder, 0)


def edit(name: str, text: str):
    return lambda folder: (folder / name).write_text(text)


def edit_provenance(**changes):
    def edit(folder):
        record.write(folder / "models/m", record.read(folder / "models/m") | changes)

    return edit


CHANGES = {
    "the archive": (
        edit("data/raw/archive.zip", "another"),
        [
            "differs from dvc.lock: download: data/raw/archive.zip (modified)",
            "split: data/raw/archive.zip (modified)",
            "provenance.json: data/raw/archive.zip",
            "provenance.json: data/raw\n",
        ],
    ),
    "the split": (
        edit("data/split.csv", "another"),
        ["split: data/split.csv (modified)", "provenance.json: data/split.csv"],
    ),
    "the code": (
        edit("code/train.txt", "1  stages.train\n"),
        ["train: code/train.txt (modified)", "provenance.json: code/train.txt"],
    ),
    "a parameter": (
        edit("params.yaml", yaml.safe_dump(PARAMS | {"seed": 2})),
        ["differs from dvc.lock: split: seed (modified)"],
    ),
    "the scores": (edit("data/scores/m.json", '{"accuracy": 1.0}'), ["evaluate: data/scores/m.json (modified)"]),
    "the model's weights": (edit("models/m/more", ""), ["train: models/m (modified)", "evaluate: models/m (modified)"]),
    "what the model was made from": (
        edit_provenance(features={"params": {}, "inputs": {"models/export": "0" * 64}}),
        ["train: models/m (modified)", "provenance.json: models/export\n"],
    ),
    "another archive than it says": (
        edit_provenance(archive_sha256=[hashlib.sha256(FILES["data/raw/archive.zip"].encode()).hexdigest(), "1" * 64]),
        ["  archive " + "1" * 64 + "\n", "train: models/m (modified)"],
    ),
    "what the model says of itself": (
        edit_provenance(archive_sha256="0" * 64),
        ["train: models/m (modified)", "provenance.json: data/raw/archive.zip"],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_disagrees_is_named(folder, capsys, name):
    change, expected = CHANGES[name]
    change(folder)
    said = told(capsys, folder, 1)
    problems = [line for line in said.splitlines() if line.startswith("differs ")]
    for text in expected:
        assert text in said
    # Nothing else: DVC's lines are one a stage.
    assert sum("provenance.json:" in line for line in problems) == sum("json:" in text for text in expected)
    assert "other:" not in said


def refusal(model: str) -> str:
    with pytest.raises(InputError) as caught:
        provenance.main([model])
    return str(caught.value)


def test_clear_sentences(folder):
    assert refusal("nope") == "dvc.lock has no model 'nope'; it has export, m"
    (folder / "models/m/provenance.json").unlink()
    sentence = "models/m/provenance.json is missing; make it with `dvc repro train` or fetch it with `dvc pull`"
    assert refusal("m") == sentence
    (folder / "dvc.lock").unlink()
    assert refusal("m") == "dvc.lock is missing; run `dvc repro`, which writes it"


def test_where_dvc_cannot_tell_that_is_said(folder):
    (folder / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(InputError, match=r"DVC can't compare the workspace with dvc\.lock"):
        provenance.main(["m"])


def test_no_value_of_a_parameter_is_broken_or_left_out():
    values = {f"key{number}": "some words " * (number % 7) for number in range(60)}
    stages = {"a": {"cmd": "x", "params": {"params.yaml": values}, "outs": []}}
    said = lineage.format_chain(stages, "a")
    assert all(f"{key}={json.dumps(value)}" in said for key, value in values.items())


def test_the_committed_models_have_a_chain_back_to_the_archive():
    stages = dvc_lock.read(ROOT / "dvc.lock")
    folders = [
        path for stage in stages.values() for path in dvc_lock.files(stage, "outs") if path.startswith("models/")
    ]
    assert len(folders) > 4
    for model in (path.removeprefix("models/") for path in folders):
        found = dvc_lock.chain(stages, *provenance.stages_of(stages, model))
        assert next(name for name in found if name != "code") == "download"
        assert {"split", "records"} < set(found)
