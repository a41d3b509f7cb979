"""What a change costs: the stages that DVC wants to run again after each of many edits, and no others."""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from scenes.commands.verify import environment

pytestmark = pytest.mark.timeout(900)  # the first of them waits for the pipeline
BOTH = {"evaluate@baseline", "evaluate@efficientnetv2l"}
EXPLAIN = {"explain@baseline", "explain@efficientnetv2l"}
CONTAINS = {"multilabel@baseline", "multilabel@efficientnetv2l"}
LOAD_MODELS = {*BOTH, *EXPLAIN, *CONTAINS, "label_issues", "select", "predict"}
READ_MODELS = {"compare", "select", "report"}
TRAINING = {"finetune", "train@baseline", "train@efficientnetv2l"}


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


def comment(name: str) -> Callable[[Path], None]:
    """Add a comment to a file of code or text."""

    def edit(folder: Path) -> None:
        with (folder / name).open("a") as file:
            file.write("# a remark\n")

    return edit


def archive(change: Callable[[str, bytes], tuple[str, bytes]]) -> Callable[[Path], None]:
    """Rewrite the archive with every member's name and content passed through ``change``."""

    def edit(folder: Path) -> None:
        path = folder / "data/raw/archive.zip"
        written = io.BytesIO()
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(written, "w") as new:
            for member in old.infolist():
                new.writestr(*change(member.filename, old.read(member)))
        path.unlink()  # it may be a link into the cache
        path.write_bytes(written.getvalue())

    return edit


def one_image(name: str, data: bytes) -> tuple[str, bytes]:
    first = name.endswith(".jpg") and "/forest/" in name
    return name, data + b"\0" if first else data


def another_class_name(name: str, data: bytes) -> tuple[str, bytes]:
    return name.replace("/forest/", "/wood/"), data


def third_model(folder: Path) -> None:
    file = folder / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["models"]["wider"] = params["models"]["baseline"] | {"network": {"filters": [16, 32], "dropout": 0.2}}
    file.write_text(yaml.safe_dump(params, sort_keys=False))


# `dvc status` names the stages whose own inputs have changed. Those behind them run only if what comes out changes.
# Some stages read which models there are, so what is under `models` is an input of theirs.
EDITS = {
    "the head's learning rate": (
        param("models.efficientnetv2l.training.learning_rate", 1e-4),
        {"train@efficientnetv2l", *READ_MODELS},
    ),
    "the head's width": (param("models.efficientnetv2l.network.units", 64), {"train@efficientnetv2l", *READ_MODELS}),
    "the baseline's batch size": (param("models.baseline.training.batch_size", 16), {"train@baseline", *READ_MODELS}),
    "the baseline's augmentation": (
        param("models.baseline.augmentation.max_shift", 0.2),
        {"train@baseline", *READ_MODELS},
    ),
    "another model": (
        third_model,
        {"train@wider", "multilabel@wider", "evaluate@wider", "explain@wider", *READ_MODELS},
    ),
    "the rate of fine-tuning": (param("finetune.training.learning_rate", 1e-4), {"finetune"}),
    "the blocks fine-tuned": (param("profiles.demo.finetune.blocks", 2), {"finetune"}),
    "views of an image": (param("profiles.demo.test_time_flip", 2), {"features", "composites"}),
    "the size the backbone sees": (
        param("profiles.demo.backbone_image_size", 64),
        {"finetune", "features", "composites", "report"},
    ),
    "the backbone": (param("profiles.demo.backbone", "EfficientNetV2S"), {"weights", "report"}),
    "the backbone's weights": (param("profiles.demo.weights", "imagenet"), {"weights", "report"}),
    "the number of composites": (param("composites.test", 50), {"composites"}),
    "what the second output leaves out": (param("multilabel.rejection_rate", 0.2), CONTAINS),
    "the image size": (param("profiles.demo.image_size", 64), {"records"}),
    "the folds of label issues": (param("label_issues.folds", 3), {"label_issues"}),
    "what labels are judged by": (param("profiles.demo.label_issue_features", "features"), {"label_issues", "report"}),
    "the size of a shard": (param("records.shard_size", 50), {"records"}),
    "the share of validation": (param("split.val_fraction", 0.2), {"split"}),
    "what counts as a near duplicate": (param("audit.near_duplicate_distance", 2), {"audit"}),
    "the archive's source": (param("profiles.demo.synthetic.train", 160), {"download"}),
    "the seed": (param("seed", 7), {"split", "records", "composites", "label_issues", *CONTAINS, *TRAINING}),
    "the number of threads": (
        param("threads", 1),
        {
            "features",
            "composites",
            "label_issues",
            "select",
            "export",
            "predict",
            *TRAINING,
            *CONTAINS,
            *BOTH,
            *EXPLAIN,
        },
    ),
    "the precision": (param("precision", "mixed_bfloat16"), TRAINING),
    "the other profile": (param("profiles.intel.image_size", 128), set()),
    "one image of the archive": (archive(one_image), {"download", "audit", "records", "composites", "label_issues"}),
    "a class's name": (archive(another_class_name), {"download", "audit", "records", "composites", "label_issues"}),
    "a colour of the plots": (comment("scenes/plots/style.py"), {"audit", "label_issues", "predict", *BOTH, *EXPLAIN}),
    "a remark in the metrics": (comment("scenes/evaluation/metrics.py"), BOTH),
    "a remark in calibration": (comment("scenes/evaluation/calibration.py"), BOTH),
    "a remark in temperature scaling": (
        comment("scenes/models/temperature.py"),
        {"train@baseline", "train@efficientnetv2l", *LOAD_MODELS},
    ),
    "a remark in the bootstrap": (comment("scenes/evaluation/intervals.py"), {*BOTH, "compare"}),
    "a remark in the comparison": (comment("scenes/evaluation/comparison.py"), {"compare"}),
    "a remark in the head": (comment("scenes/models/head.py"), {"train@efficientnetv2l", *LOAD_MODELS}),
    "a remark in the CNN": (comment("scenes/models/cnn.py"), {"train@baseline", *LOAD_MODELS}),
    "a remark in Grad-CAM": (comment("scenes/evaluation/gradcam.py"), EXPLAIN),
    "what counts as a tie": (param("select.tolerance", 0.01), {"select"}),
    "a remark in choosing": (comment("scenes/evaluation/selection.py"), {"select"}),
    "what an export may differ by": (param("export.tolerance.litert", 0.05), {"export"}),
    "a remark in the exports": (comment("scenes/export/litert.py"), {"export"}),
    "how a model is written": (comment("scenes/models/keras_file.py"), {"select", "export", "predict"}),
    "a remark in the predictions": (comment("scenes/evaluation/prediction_table.py"), {"predict"}),
    "a figure to quote": (param("report.published", []), {"report"}),
    "the report's page": (comment("scenes/report/templates/report.html.jinja"), {"report"}),
    "the report's look": (comment("scenes/report/templates/report.css.jinja"), {"report"}),
    "a remark in the second output's losses": (comment("scenes/training/multilabel.py"), CONTAINS),
    "a remark in its scores": (comment("scenes/evaluation/multilabel.py"), BOTH),
    "a remark in a stage": (comment("stages/split.py"), {"split"}),
    "a remark in provenance": (
        comment("scenes/provenance/record.py"),
        {*TRAINING, "features", *CONTAINS, "select", "export"},
    ),
    "a remark in fitting": (comment("scenes/training/fit.py"), TRAINING),
    "the check of params.yaml": (comment("scenes/config/schema.py"), set()),
    "the README": (comment("README.md"), set()),
    "a test": (comment("tests/test_changes.py"), set()),
}


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
    names = ["params.yaml", "dvc.lock", "README.md", "data/raw/archive.zip", "tests/test_changes.py"]
    names += [f"{top}/{path.name}" for top in ("scenes", "stages") for path in (workspace / top).glob("*.py")]
    names += [f"scenes/report/templates/{path.name}" for path in (workspace / "scenes/report/templates").iterdir()]
    kept = {name: (workspace / name).read_bytes() for name in names}
    yield workspace
    for name, content in kept.items():
        if (workspace / name).read_bytes() != content:
            (workspace / name).unlink()
            (workspace / name).write_bytes(content)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_names_just_these_stages(undone, name):
    edit, expected = EDITS[name]
    edit(undone)
    with Repo(undone) as repo:
        # DVC puts the way to dvc.yaml before the name where that is not the current folder.
        assert {name.rpartition(":")[2] for name in repo.status()} == expected


@pytest.mark.parametrize(
    ("module", "stage"), [("stages/split.py", "split"), ("stages/train_head.py", "train@efficientnetv2l")]
)
def test_a_remark_runs_its_stage_and_nothing_behind_it(undone, module, stage):
    """The other half: what comes out is the same, so DVC stops there. A model's provenance sees no remark, either."""
    comment(module)(undone)
    done = subprocess.run(
        ["dvc", "repro"], cwd=undone, env=environment(), check=True, capture_output=True, text=True, timeout=300
    )
    assert f"Running stage '{stage}'" in done.stdout
    assert done.stdout.count("Running stage") == 1
