"""What a change costs: after `code` has run, the stages that DVC wants to run again, and no others."""

import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from scenes.commands.verify import environment
from stages import code

pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]  # the first of them waits for the pipeline
MODELS = ("baseline", "transfer", "finetuned")
SETS = ("frozen", "finetuned")
EVALUATE = {f"evaluate@{name}" for name in MODELS}
READ_MODELS = {"compare", "select", "report"}
BY_MODEL = {f"{stage}@{name}" for stage in ("train", "evaluate") for name in MODELS}
BY_SET = {f"{stage}@{name}" for stage in ("weights", "finetune", "features") for name in SETS}
GROUPS = {name.partition("@")[0] for name in BY_MODEL | BY_SET}
ALL = {name for name in code.texts() if not name.startswith("train_") and name not in GROUPS} | BY_MODEL | BY_SET


def param(path: str, value) -> Callable[[Path], None]:
    """Set the parameter at a dotted path."""

    def edit(folder: Path) -> None:
        file = folder / "params.yaml"
        tree = params = yaml.safe_load(file.read_text())
        *parents, key = path.split(".")
        for parent in parents:
            tree = tree[parent]
        assert tree.get(key) != value, f"{path} is {value!r} already"
        tree[key] = value
        file.write_text(yaml.safe_dump(params, sort_keys=False))

    return edit


def append(name: str, line: str) -> Callable[[Path], None]:
    """Add a line at the end of a file."""

    def edit(folder: Path) -> None:
        with (folder / name).open("a") as file:
            file.write(f"{line}\n")

    return edit


def replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Put a text in the place of another, everywhere in a file."""

    def edit(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return edit


def one_image(folder: Path) -> None:
    """Add a byte to an image of the archive."""
    path = folder / "data/raw/archive.zip"
    written = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(written, "w") as new:
        for member in old.infolist():
            more = b"\0" if member.filename.endswith(".jpg") and "/forest/" in member.filename else b""
            new.writestr(member.filename, old.read(member) + more)
    path.unlink()  # it may be a link into the cache
    path.write_bytes(written.getvalue())


def third_model(folder: Path) -> None:
    file = folder / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["models"]["wider"] = params["models"]["baseline"] | {"network": {"filters": [16, 32], "dropout": 0.2}}
    file.write_text(yaml.safe_dump(params, sort_keys=False))


# `dvc status` names the stages whose own inputs have changed. Those behind them run only if what comes out changes.
# Some stages read which models there are, so what is under `models` is an input of theirs.
REMARKS = {
    "a comment in the errors of all stages": append("scenes/common/errors.py", "# a remark"),
    "a docstring in fitting": replace("scenes/training/fit.py", "Args:", "Arguments:"),
    "the layout of a training": replace("stages/train_linear.py", "\n\n\n", "\n\n\n\n\n"),
    "a comment in params.yaml": append("params.yaml", "# a remark"),
}
EDITS = {
    **{name: (edit, set()) for name, edit in REMARKS.items()},
    "code of all stages": (append("scenes/common/errors.py", "x = 1"), ALL),
    "code of the galleries": (append("scenes/plots/galleries.py", "x = 1"), {*EVALUATE, "label_issues", "predict"}),
    "code of a training": (append("stages/train_linear.py", "x = 1"), {"train@transfer", "train@finetuned"}),
    "code that no stage loads": (append("scenes/config/schema.py", "x = 1"), set()),
    "the report's page": (append("scenes/report/templates/report.html.jinja", "x"), {"report"}),
    "the model card's words": (append("scenes/report/templates/model_card.md.jinja", "x"), {"report"}),
    "what C may be": (param("models.transfer.C", [0.02]), {"train@transfer", *READ_MODELS}),
    "the size of one feature set": (
        param("profiles.demo.features.frozen.image_size", 96),
        {"finetune@frozen", "features@frozen", "report"},
    ),
    "another model": (third_model, {"train@wider", "evaluate@wider", *READ_MODELS}),
    "a correction": (append("corrections/demo.csv", "a.jpg,drop,"), {"split", *EVALUATE, "label_issues"}),
    "the image size": (param("profiles.demo.image_size", 64), {"records"}),
    "the other profile": (param("profiles.intel.image_size", 128), set()),
    "what a photo contains": (append("presence/demo.csv", "some.jpg"), EVALUATE),
    "one image of the archive": (one_image, {"download", "audit", "records", *EVALUATE, "label_issues"}),
}
NO_CODE = ("a correction", "what a photo contains", "one image of the archive")  # do not run the stage `code`


@pytest.fixture(scope="module")
def workspace(pipeline, tmp_path_factory):
    """A copy of a clone in which everything is up to date."""
    folder = tmp_path_factory.mktemp("changes") / "clone"
    shutil.copytree(pipeline.one, folder, symlinks=True)
    with Repo(folder) as repo:
        assert repo.status() == {}
    return folder


@pytest.fixture
def undone(workspace):
    """The workspace, put back in order after the test."""
    files = [workspace / "params.yaml", workspace / "dvc.lock", workspace / "data/raw/archive.zip"]
    tops = ("code", "corrections", "presence", "scenes", "stages")
    files += [path for top in tops for path in (workspace / top).rglob("*.*")]
    kept = {path: path.read_bytes() for path in files if "__pycache__" not in path.parts}
    yield workspace
    for path, content in kept.items():
        if path.read_bytes() != content:
            path.unlink()
            path.write_bytes(content)


def run(folder, *command) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(), check=True, capture_output=True, text=True, timeout=300
    )
    return done.stdout


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_names_just_these_stages(undone, name):
    edit, expected = EDITS[name]
    edit(undone)
    run(undone, sys.executable, "-m", "stages.code")
    with Repo(undone) as repo:
        # DVC puts the way to dvc.yaml before the name where that is not the current folder.
        named = {name.rpartition(":")[2] for name in repo.status()}
    assert named - {"code"} == expected
    assert ("code" in named) == (name not in NO_CODE)


def test_a_comment_in_the_code_of_all_stages_runs_only_the_first(undone):
    REMARKS["a comment in the errors of all stages"](undone)
    said = run(undone, "dvc", "repro")
    assert [line for line in said.splitlines() if line.startswith("Running")] == ["Running stage 'code':"]


def test_an_experiment_in_a_folder_of_its_own_runs_what_its_code_changes(undone):
    append("scenes/report/render.py", "x = 1")(undone)
    said = run(undone, "dvc", "exp", "run", "--temp")
    running = [line for line in said.splitlines() if line.startswith("Running stage")]
    assert running == ["Running stage 'code':", "Running stage 'report':"]
