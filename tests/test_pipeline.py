"""The whole pipeline in a fresh clone: the contracts of its files, and what DVC makes of them."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from dvc.repo import Repo
from PIL import Image

from scenes.commands import verify
from scenes.evaluation import abstention, metrics
from scenes.training import curves

pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]
MODELS = ("baseline", "transfer", "finetuned")
LINEAR = MODELS[1:]
PICTURES = (
    *(f"scores/{name}" for name in ("confusion_matrix", "reliability", "per_class")),
    "curves/training_curves",
    *(f"examples/{name}" for name in ("errors", "uncertain", "gradcam")),
)


def dvc(folder, *arguments, check=True):
    return subprocess.run(
        ["dvc", *arguments],
        cwd=folder,
        env=verify.environment(),
        check=check,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def copy(pipeline, tmp_path_factory):
    """A clone with results that a test may change."""
    folder = tmp_path_factory.mktemp("copy") / "repo"
    shutil.copytree(pipeline.one, folder, symlinks=True)
    return folder


def test_nothing_written_names_the_folder_or_the_day(pipeline):
    lock = (pipeline.one / "dvc.lock").read_text()
    texts = [lock] + [
        f.read_text()
        for pattern in ("metrics/*.json", "models/**/*.json", "data/**/*.json")
        for f in pipeline.one.glob(pattern)
    ]
    for text in texts:
        assert str(pipeline.one.parent) not in text
        assert not re.search(r"20\d\d-\d\d-\d\d", text)


def test_a_second_repro_does_nothing_and_status_is_clean(pipeline):
    done = dvc(pipeline.one, "repro")
    assert "Data and pipelines are up to date" in done.stdout + done.stderr
    assert "Data and pipelines are up to date" in dvc(pipeline.one, "status").stdout


def test_every_model_says_what_made_it_and_the_chain_leads_to_the_archive(pipeline):
    hashes = {
        f"{name}_sha256": hashlib.sha256((pipeline.one / path).read_bytes()).hexdigest()
        for name, path in (("archive", "data/raw/archive.zip"), ("split", "data/split.csv"))
    }
    top = pipeline.one / "models"
    said = {
        file.parent.relative_to(top).as_posix(): json.loads(file.read_text()) for file in top.glob("**/provenance.json")
    }
    files = [file.relative_to(top) for file in top.glob("**/*") if file.is_file()]
    assert {file for file in files if not any(folder.as_posix() in said for folder in file.parents)} == set()
    assert {*MODELS, "production", "export"} <= said.keys()
    codes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (pipeline.one / "code").iterdir()}
    for found in said.values():
        assert hashes.items() <= found.items()
        assert found["code_sha256"] in codes
    params = yaml.safe_load((pipeline.one / "params.yaml").read_text())
    for name in MODELS:
        assert said[name]["params"][f"models.{name}"] == params["models"][name]
    chosen = json.loads((pipeline.one / "data/scores/production.json").read_text())["model"]
    assert said["production"]["model"] == said[chosen]
    assert said["export"]["production"] == said["production"]
    for name in said:
        shown = subprocess.run(
            [sys.executable, "-m", "scenes", "provenance", name],
            cwd=pipeline.one,
            env=verify.environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert shown.stdout.endswith("all files in the workspace agree with dvc.lock and provenance.json\n")


@pytest.mark.parametrize(("model", "key"), [("transfer", "frozen"), ("finetuned", "finetuned")])
def test_a_linear_model_records_the_provenance_of_its_features(pipeline, model, key):
    """All of it in the one file: the backbone, its weights, their further training, the features, the data."""
    params = yaml.safe_load((pipeline.one / "params.yaml").read_text())
    active = params["profiles"][params["profile"]]
    used, block = active["features"][key], f"profile.features.{key}"
    said = json.loads((pipeline.one / f"models/{model}/provenance.json").read_text())
    features, tuned = said["features"], said["features"]["finetuned"]
    weights = hashlib.sha256((pipeline.one / f"data/weights/{key}/backbone.weights.h5").read_bytes()).hexdigest()
    described = {"backbone": used["backbone"], "sha256": weights}.items()
    assert features["weights"].items() >= described
    for part in (features, tuned) if used["finetune"] else (features,):
        assert part["weights"].items() >= described
        assert part["params"][f"{block}.image_size"] == used["image_size"]
        assert re.fullmatch("[0-9a-f]{64}", part["code_sha256"])
    assert tuned["params"][f"{block}.finetune"] == used["finetune"]
    assert tuned["params"].get("finetune") == (params["finetune"] if used["finetune"] else None)
    assert features["params"][f"{block}.test_time_flip"] == used["test_time_flip"]
    assert said["data_params"] == {
        "seed": params["seed"],
        "split": params["split"],
        "archive": params["archive"],
        "records": params["records"],
        "profile.fit": active["fit"],
        "profile.image_size": active["image_size"],
    }


def test_git_sees_no_results_but_metrics_and_the_lock(pipeline):
    listed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=pipeline.one,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    written = {line[3:] for line in listed if re.match(r"...(data|models|metrics|plots|\.partial)/", line)}
    assert {name for name in written if not name.startswith("metrics/")} == set()


def test_audit_and_split_keep_their_contracts(pipeline):
    audit = pd.read_csv(pipeline.one / "data/audit.csv", keep_default_na=False)
    columns = "path,split,label,subject,archive,bytes,width,height,mode,sha256,pixel_sha256,phash,group,problem"
    assert list(audit) == columns.split(",")
    split = pd.read_csv(pipeline.one / "data/split.csv", keep_default_na=False)
    assert list(split) == ["path", "split", "label", "group"]
    assert set(split["split"]) == {"train", "val", "test", "pred"}


def test_records_hold_what_the_split_says(pipeline):
    split = pd.read_csv(pipeline.one / "data/split.csv", keep_default_na=False)
    index = json.loads((pipeline.one / "data/records/index.json").read_text())
    assert {name: entry["count"] for name, entry in index["splits"].items()} == split["split"].value_counts().to_dict()
    names = {file.name for file in (pipeline.one / "data/records").glob("*.tfrecord")}
    assert names == {name for entry in index["splits"].values() for name in entry["shards"]}


@pytest.mark.parametrize("model", MODELS)
def test_metrics_agree_with_the_predictions(pipeline, model):
    scores = json.loads((pipeline.one / f"data/scores/{model}.json").read_text())
    table = pd.read_csv(pipeline.one / f"plots/{model}/predictions.csv")
    assert list(table) == ["key", "actual", "predicted", "confidence"]
    assert scores["count"] == len(table)
    right = table["actual"] == table["predicted"]
    assert scores["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
    for name, entry in scores["per_class"].items():
        assert entry["recall"] == pytest.approx(right[table["actual"] == name].mean(), abs=1e-6)
    assert {"crossentropy", "top2_accuracy", "macro_f1", "majority_class_accuracy", "clean", "val"} <= set(scores)
    assert scores["clean"]["count"] < scores["count"]
    assert 0 <= scores["calibration"]["ece"] <= scores["calibration"]["mce"] <= 1
    for name, entry in scores["abstention"].items():
        assert entry["confidence"] == scores["val"]["abstention"][name]["confidence"], name
        # Chosen on validation, it keeps its promise there; one chosen on other images would not.
        if entry["confidence"] is None:
            continue
        assert scores["val"]["abstention"][name]["precision"] > abstention.PRECISIONS[name]
        sure = table["confidence"] >= entry["confidence"]
        assert entry["coverage"] == pytest.approx(sure.mean(), abs=1e-6)
        assert entry["precision"] == (pytest.approx(right[sure].mean(), abs=1e-6) if sure.any() else None)


@pytest.mark.parametrize("model", MODELS)
def test_the_temperature_is_fitted_on_validation_and_applied(pipeline, model):
    described = json.loads((pipeline.one / f"models/{model}/model.json").read_text())
    scores = json.loads((pipeline.one / f"data/scores/{model}.json").read_text())
    val = scores["val"]
    assert {entry["calibration"]["temperature"] for entry in (scores, scores["clean"], val)} == {
        described["temperature"]
    }
    # The least crossentropy of any temperature, that of 1 included.
    assert val["calibration"]["temperature_scaled"]["crossentropy"] <= val["crossentropy"]


@pytest.mark.parametrize(("a", "b"), list(combinations(sorted(MODELS), 2)))
def test_the_comparison_agrees_with_the_predictions(pipeline, a, b):
    found = json.loads((pipeline.one / "data/scores/comparison.json").read_text())
    tables = [pd.read_csv(pipeline.one / f"plots/{model}/predictions.csv") for model in (a, b)]
    first, second = (table["actual"] == table["predicted"] for table in tables)
    pair = found[f"{a}/{b}"]
    assert (pair["only_a"], pair["only_b"]) == ((first & ~second).sum(), (second & ~first).sum())
    scores = [json.loads((pipeline.one / f"data/scores/{model}.json").read_text()) for model in (a, b)]
    clean = found["clean"][f"{a}/{b}"]
    for entry, one, other in ((pair, *scores), (clean, *(score["clean"] for score in scores))):
        assert entry["count"] == one["count"] == other["count"]
        assert entry["accuracy_difference"] == pytest.approx(one["accuracy"] - other["accuracy"], abs=2e-6)


def test_label_issues_agree_with_their_metrics(pipeline):
    table = pd.read_csv(pipeline.one / "data/label_issues.csv", keep_default_na=False)
    assert list(table) == ["key", "given_label", "suggested_label", "score", "reason"]
    assert (table["given_label"] != table["suggested_label"]).all()
    # What two training images dispute is in no split, and so has no features: either label is as likely.
    split = pd.read_csv(pipeline.one / "data/split.csv", keep_default_na=False)
    assert set(table.loc[~table["key"].isin(split["path"]), "reason"]) == {"duplicate"}
    assert set(table.loc[~table["key"].isin(split["path"]), "score"]) == {0.5}
    numbers = json.loads((pipeline.one / "data/scores/label_issues.json").read_text())
    assert numbers["total"] == len(table)
    assert numbers["images"] == split["split"].isin(["train", "val", "test"]).sum()
    with zipfile.ZipFile(pipeline.one / "data/raw/archive.zip") as archive:
        truth = pd.read_csv(archive.open("ground_truth.csv"), keep_default_na=False)
    wrong = set(truth.loc[(truth["label"] != "") & (truth["label"] != truth["ground_truth"]), "path"])
    assert numbers["planted"]["count"] == len(wrong) > 0
    assert numbers["planted"]["precision"] == pytest.approx(table["key"].isin(wrong).mean(), abs=1e-6)
    for name in ("contact_sheet", "feature_map"):
        assert (pipeline.one / f"plots/label_issues/{name}.png").stat().st_size > 10_000


@pytest.mark.parametrize("model", MODELS)
def test_what_photos_contain_is_scored_on_the_truth_of_the_drawn_ones(pipeline, model):
    scores = json.loads((pipeline.one / f"data/scores/{model}.json").read_text())
    presence = scores["presence"]
    assert 0.8 * scores["count"] < presence["images"] <= scores["count"]
    assert set(presence["per_class"]) == set(scores["per_class"])
    shares = [entry["images"] / presence["images"] for entry in presence["per_class"].values()]
    assert presence["mean_average_precision"] > np.mean(shares) + (0.3 if model in LINEAR else 0)  # that of chance


def test_curves_have_a_row_an_epoch(pipeline):
    params = yaml.safe_load((pipeline.one / "params.yaml").read_text())
    tuned = params["profiles"]["demo"]["features"]["finetuned"]["finetune"]
    trained = {"baseline/training": params["models"]["baseline"]["training"], "finetune/finetuned": tuned}
    for folder, settings in trained.items():
        for name, columns in curves.TABLES.items():
            table = pd.read_csv(pipeline.one / f"plots/{folder}/{name}.tsv", sep="\t")
            assert list(table) == ["epoch", *columns]
            assert list(table["epoch"]) == list(range(1, settings["epochs"] + 1))
            assert np.isfinite(table.to_numpy()).all()


@pytest.mark.parametrize("model", LINEAR)
def test_the_validation_curve_has_a_row_a_value_of_c(pipeline, model):
    values = yaml.safe_load((pipeline.one / "params.yaml").read_text())["models"][model]["C"]
    table = pd.read_csv(pipeline.one / f"plots/{model}/training/validation_curve.tsv", sep="\t")
    assert list(table["C"]) == pytest.approx(sorted(values))
    assert np.isfinite(table.to_numpy()).all()
    best = table.loc[table["val_calibrated_crossentropy"].idxmin(), "C"]
    assert json.loads((pipeline.one / f"models/{model}/model.json").read_text())["C"] == pytest.approx(best)


def test_each_model_loads_and_says_of_images_what_was_predicted(pipeline):
    """The trained model, fed the archive's own images by another way than the pipeline's, gives the same answers."""
    code = """
import io, json, sys, zipfile
import numpy as np, pandas as pd
from PIL import Image
from scenes.process.runtime import configure
configure(seed=0, threads=2)
from scenes.evaluation import abstention, inference
from scenes.models import store, temperature
archive = zipfile.ZipFile("data/raw/archive.zip")
for model in sys.argv[1:]:
    # Nothing was fitted or chosen on the test images: temperature and thresholds are those of validation.
    val = inference.predict(f"models/{model}", "data", "val")
    found = temperature.calibrate(val.label, val.uncalibrated)
    assert abs(found.temperature - val.calibration.temperature) < 1e-3, (model, found, val.calibration)
    assert found.calibrated == val.calibration.calibrated
    scores = json.loads(open(f"data/scores/{model}.json").read())
    for name, confidence in abstention.thresholds(val.label, val.probabilities).items():
        chosen = scores["abstention"][name]["confidence"]
        assert chosen == confidence if None in (chosen, confidence) else abs(chosen - confidence) < 1e-4, (model, name)
    loaded, classes = store.load(f"models/{model}", "data"), store.describe(f"models/{model}")["classes"]
    images, kept = [], []
    for row in pd.read_csv(f"plots/{model}/predictions.csv").itertuples():
        image = Image.open(io.BytesIO(archive.read(row.key)))
        if image.format == "JPEG" and image.mode == "RGB" and image.size == (48, 48):
            images.append(np.asarray(image)); kept.append(row)
    found = loaded.predict(np.stack(images), verbose=0)
    assert len(kept) > 40
    for row, probabilities in zip(kept, found, strict=True):
        assert abs(probabilities.max() - row.confidence) < 1e-3, (model, row)
        assert classes[probabilities.argmax()] == row.predicted, (model, row)
"""
    command = ["python", "-c", code, *MODELS]
    subprocess.run(command, cwd=pipeline.one, env=verify.environment(), check=True, timeout=300)


def test_the_production_model_is_best_on_validation_and_loads_on_its_own(pipeline, tmp_path):
    facts = json.loads((pipeline.one / "data/scores/production.json").read_text())
    scores = {m: json.loads((pipeline.one / f"data/scores/{m}.json").read_text())["val"]["accuracy"] for m in MODELS}
    assert facts["val"] == scores
    tied = [name for name in MODELS if max(scores.values()) - scores[name] <= 0.005]
    assert facts["model"] == min(tied, key=lambda name: (facts["parameters"][name], -scores[name], name))
    described = json.loads((pipeline.one / "models/production/model.json").read_text())
    validation = json.loads((pipeline.one / f"data/validation_scores/{facts['model']}.json").read_text())
    assert described["presence"] == validation["presence"]
    table = pd.read_csv(pipeline.one / f"plots/{facts['model']}/predictions.csv")
    # Keras alone, in a folder without the project; and an image as anybody would open it.
    code = """
import io, sys, zipfile
import keras, numpy as np
from PIL import Image
archive = zipfile.ZipFile(sys.argv[1] + "/data/raw/archive.zip")
images = [Image.open(io.BytesIO(archive.read(key))) for key in sys.argv[2:]]
model = keras.saving.load_model(sys.argv[1] + "/models/production/model.keras")
found = model.predict(np.stack([np.asarray(image) for image in images]), verbose=0)
print(found.tolist())
"""
    with zipfile.ZipFile(pipeline.one / "data/raw/archive.zip") as archive:
        opened = ((row, Image.open(io.BytesIO(archive.read(row.key)))) for row in table.itertuples())
        plain = [row for row, image in opened if (image.format, image.mode, image.size) == ("JPEG", "RGB", (48, 48))]
    plain = plain[:20]
    found = subprocess.run(
        ["python", "-c", code, pipeline.one, *(row.key for row in plain)],
        cwd=tmp_path,
        env=verify.environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    for row, probabilities in zip(plain, json.loads(found.stdout.splitlines()[-1]), strict=True):
        assert described["classes"][int(np.argmax(probabilities))] == row.predicted
        assert max(probabilities) == pytest.approx(row.confidence, abs=1e-3)


def test_every_format_says_what_the_production_model_says(pipeline):
    metrics = json.loads((pipeline.one / "data/scores/export.json").read_text())
    params = yaml.safe_load((pipeline.one / "params.yaml").read_text())["export"]
    assert sorted(metrics) == sorted(params["formats"])
    folder = pipeline.one / "models/export"
    described = json.loads((folder / "model.json").read_text())
    assert described.items() >= json.loads((pipeline.one / "models/production/model.json").read_text()).items()
    for name, entry in metrics.items():
        path = folder / described["formats"][name]["path"]
        assert entry["bytes"] == sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
        assert 0 < entry["same_class"] <= entry["images"] <= 2 * params["images"]
        assert entry["largest_difference"] <= params["tolerance"]


def test_every_image_without_a_label_is_predicted(pipeline):
    table = pd.read_csv(pipeline.one / "data/predictions.csv")
    split = pd.read_csv(pipeline.one / "data/split.csv", keep_default_na=False)
    described = json.loads((pipeline.one / "models/production/model.json").read_text())
    classes = described["classes"]
    assert list(table["key"]) == sorted(split.loc[split["split"] == "pred", "path"])
    scores = [f"{kind}_{name}" for kind in ("probability", "presence") for name in classes]
    columns = ["unsure", "learned_from_drawings", "distance", "unlike_training"]
    assert list(table) == ["key", "class", "confidence", *scores, *columns]
    probabilities = table[[f"probability_{name}" for name in classes]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert list(table["class"]) == [classes[index] for index in probabilities.argmax(axis=1)]
    assert table["learned_from_drawings"].all()
    below, above = described["unsure_below"], described["unlike_above"]
    # Without a threshold the cells are empty.
    for found, expected in (
        (table["unsure"], None if below is None else table["confidence"] < below),
        (table["unlike_training"], None if above is None else table["distance"] > above),
    ):
        assert found.isna().all() if expected is None else (found == expected).all()
    assert {path.stem for path in (pipeline.one / "plots/predictions").iterdir()} == set(classes)


def test_dvc_knows_the_production_model_as_an_artifact(pipeline):
    with Repo(pipeline.one) as repo:
        (artifact,) = repo.artifacts.read()["dvc.yaml"].values()
    assert (artifact.path, artifact.type) == ("models/production", "model")
    assert artifact.desc
    assert artifact.labels


def test_the_report_is_of_this_run(pipeline):
    short = (pipeline.one / "reports/report.md").read_text(encoding="utf-8")
    page = (pipeline.one / "reports/report.html").read_text(encoding="utf-8")
    for model in MODELS:
        accuracy = json.loads((pipeline.one / f"data/scores/{model}.json").read_text())["accuracy"]
        for text in (short, page):
            assert f"{100 * accuracy:.1f}\N{NO-BREAK SPACE}%" in text
    # Tables have the confusion matrix and the scores of each class of the production model.
    assert page.count("<img ") == len(list((pipeline.one / "plots").glob("**/*.png"))) - 2


def test_metrics_are_the_headlines_of_the_scores(copy):
    shown = json.loads(dvc(copy, "metrics", "show", "--json").stdout)
    files = shown[""]["data"]
    assert set(files) == {f"metrics/{model}.json" for model in MODELS}
    for file in files:
        scores = json.loads((copy / "data/scores" / Path(file).name).read_text())
        assert files[file]["data"] == metrics.headlines(scores)


def test_plots_show_overlays_the_models_and_draws_confusion_as_recall(copy):
    done = dvc(copy, "plots", "show", "--json", "--split")
    plots = json.loads(done.stdout)["data"]
    points = plots["training curves"][0]["anchor_definitions"]["<DVC_METRIC_DATA>"]
    drawn = {(point["filename"], point["field"]) for point in points}
    fields = [f"{phase}{metric}" for phase in ("", "val_") for metric in ("accuracy", "crossentropy")]
    files = ("baseline/training/curves.tsv", "finetune/finetuned/curves.tsv")
    assert drawn == {(file, field) for file in files for field in fields}
    for model in MODELS:
        assert f"plots/{model}/predictions.csv" in plots
        pictures = {name for name in plots if name.startswith(f"plots/{model}/") and name.endswith(".png")}
        assert pictures == {f"plots/{model}/{name}.png" for name in PICTURES if name.startswith("examples/")}
        anchors = plots[f"plots/{model}/predictions.csv"][0]["anchor_definitions"]
        assert anchors["<DVC_METRIC_Y_LABEL>"] == "actual"
        assert anchors["<DVC_METRIC_X_LABEL>"] == "predicted"
        for table in ("reliability", "per_class"):
            assert plots[f"plots/{model}/{table}.csv"][0]["anchor_definitions"]["<DVC_METRIC_TITLE>"].startswith(model)


def test_a_third_model_is_an_entry_in_params(copy):
    file = copy / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["models"]["weaker"] = params["models"]["transfer"] | {"C": [0.00001]}
    file.write_text(yaml.safe_dump(params, sort_keys=False))
    done = dvc(copy, "repro", "evaluate@weaker", "compare")
    assert "Running stage 'features" not in done.stdout
    assert json.loads((copy / "data/scores/weaker.json").read_text())["count"] > 0
    pairs = json.loads((copy / "data/scores/comparison.json").read_text())
    names = sorted((*MODELS, "weaker"))
    assert set(pairs) == {"clean", *(f"{a}/{b}" for a, b in combinations(names, 2))}


def test_a_bad_parameter_stops_before_any_work(copy):
    file = copy / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["split"]["val_fraction"] = 2.0
    file.write_text(yaml.safe_dump(params, sort_keys=False))
    done = dvc(copy, "repro", "split", check=False)
    assert done.returncode != 0
    assert "`split.val_fraction`: Input should be less than 1" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
