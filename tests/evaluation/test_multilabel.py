"""The second output's scores: from the model's own folder and the data it was made for."""

import json
from dataclasses import replace

import numpy as np
import pytest
from keras import ops
from sklearn import metrics

from scenes.backbones.features import Features, load_features, save_features
from scenes.dataset import records
from scenes.evaluation import composites, multilabel
from scenes.models import store
from tests.helpers.model_folders import FROZEN, save_cnn, save_linear, save_multilabel
from tests.helpers.small_records import CLASSES, SPLITS
from tests.helpers.small_records import write as write_records

pytestmark = pytest.mark.usefixtures("deterministic")
WIDTH = 5


@pytest.fixture(scope="module")
def data(tmp_path_factory, deterministic):
    """A data folder with records, features and composites, as the stages leave it; features are random."""
    root = tmp_path_factory.mktemp("data")
    write_records(
        root / "records", {"train": SPLITS["train"], "val": SPLITS["train"][:20], "test": SPLITS["train"][20:]}
    )
    rng = np.random.default_rng(0)
    for folder in (FROZEN, "composites/records", f"composites/{FROZEN}"):
        (root / folder).mkdir(parents=True)
    for split in ("train", "val", "test"):
        images = records.load(records.open_records(root / "records", split))
        features = rng.normal(size=(len(images["key"]), WIDTH)).astype(np.float32)
        save_features(
            root / f"{FROZEN}/{split}.npz",
            Features(images["key"], images["label"], features, CLASSES),
        )
        # With a third class, of which there is no image: of two alone, none are joined.
        joined = composites.choose(images["key"], images["label"], (*CLASSES, "other"), count=12, seed=0)
        joined = replace(joined, classes=CLASSES)
        composites.save(root / f"composites/records/{split}.npz", joined)
        features = rng.normal(size=(12, WIDTH)).astype(np.float32)
        composites.save(root / f"composites/{FROZEN}/{split}.npz", joined, features)
    (root / FROZEN / "backbone.json").write_text('{"sha256": ""}')
    composites.save_ground_truth(root / "composites/ground_truth.csv", {})
    return root


def save(kind, folder, data):
    """Write a model and its second output, untrained, into ``folder / "model"`` and ``folder / "multilabel"``."""
    network = save_cnn(folder / "model") if kind == "records" else save_linear(folder / "model", data)
    save_multilabel(folder / "multilabel", network)


def inputs_of_composites(kind, data, split):
    joined, features = composites.load(data / "composites" / FROZEN, split)
    if kind == "records":
        return joined.present, composites.images(joined, records.load(records.open_records(data / "records", split)))
    return joined.present, features


def scores(network, inputs):
    """Not by ``predict``: a compiled network rounds float32 otherwise, which shows in the sixth decimal."""
    return {name: ops.convert_to_numpy(found) for name, found in network(inputs, training=False).items()}


@pytest.mark.parametrize("kind", ["records", FROZEN])
def test_the_threshold_is_from_validation_the_scores_from_test(tmp_path, data, kind):
    save(kind, tmp_path, data)
    found = multilabel.evaluate(tmp_path / "model", tmp_path / "multilabel", data)
    assert set(found) == {"composites", "val"}  # nobody knows what photos contain
    assert set(found["val"]) == {"composites", "presence_calibration"}
    network = store.load_outputs(tmp_path / "model", tmp_path / "multilabel")
    for output, name in multilabel.METHODS.items():
        known, inputs = inputs_of_composites(kind, data, "val")
        limit = multilabel.threshold(known, scores(network, inputs)[output])
        known, inputs = inputs_of_composites(kind, data, "test")
        positive = multilabel.round_scores(scores(network, inputs)[output]) >= limit
        entry = found["composites"][name]
        assert entry["threshold"] == pytest.approx(limit, abs=1e-6)
        assert entry["recall"] == pytest.approx(metrics.recall_score(known.ravel(), positive.ravel()), abs=1e-6)
        assert entry["precision"] == pytest.approx(metrics.precision_score(known.ravel(), positive.ravel()), abs=1e-6)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("kind", ["records", FROZEN])
def test_what_drawn_images_contain_is_held_against_the_test_images(tmp_path, data, kind):
    save(kind, tmp_path, data)
    keys = [key for key, _ in SPLITS["train"]]
    truth = {key: " ".join(CLASSES if number % 3 else CLASSES[:1]) for number, key in enumerate(keys)}
    for name in (kind, f"composites/{kind}"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).symlink_to(data / name)
    composites.save_ground_truth(tmp_path / "data/composites/ground_truth.csv", truth)
    found = multilabel.evaluate(tmp_path / "model", tmp_path / "multilabel", tmp_path / "data")["ground_truth"]

    network = store.load_outputs(tmp_path / "model", tmp_path / "multilabel")
    if kind == "records":
        images = records.load(records.open_records(data / "records", "test"))
        key, inputs = images["key"], images["image"]
    else:
        source = load_features(data / FROZEN, "test")
        key, inputs = source.key, source.features
    street = np.array([CLASSES[1] in truth[name.decode()].split() for name in key])
    assert 0 < street.sum() < len(street)
    expected_scores = scores(network, inputs)
    for output, name in multilabel.METHODS.items():
        expected = metrics.average_precision_score(street, expected_scores[output][:, 1])
        assert found[name]["per_class"][CLASSES[1]] == pytest.approx(expected, abs=1e-6)
        assert found[name]["per_class"][CLASSES[0]] == 1  # in all of them


@pytest.mark.parametrize("kind", ["records", FROZEN])
@pytest.mark.parametrize("drawn", [False, True])
def test_without_composites_the_labels_give_the_threshold(tmp_path, data, kind, drawn):
    save(kind, tmp_path, data)
    root = tmp_path / "data"
    (root / "composites" / kind).mkdir(parents=True)
    for name in ("records", "features"):
        (root / name).symlink_to(data / name)
    for split in ("val", "test"):
        images = records.load(records.open_records(data / "records", split))
        none = composites.choose(images["key"], images["label"], CLASSES, count=12, seed=0)
        assert len(none.labels) == 0
        features = np.empty((0, WIDTH), np.float32) if kind == FROZEN else None
        composites.save(root / f"composites/{kind}/{split}.npz", none, features)
    truth = {key: CLASSES[0] for key, _ in SPLITS["train"]} if drawn else {}
    composites.save_ground_truth(root / "composites/ground_truth.csv", truth)

    found = multilabel.evaluate(tmp_path / "model", tmp_path / "multilabel", root)
    assert set(found) == {"labels", "val", *(["ground_truth"] if drawn else [])}
    network = store.load_outputs(tmp_path / "model", tmp_path / "multilabel")

    def labels_and_scores(split):
        images = records.load(records.open_records(data / "records", split))
        inputs = images["image"] if kind == "records" else load_features(data / FROZEN, split).features
        return np.eye(2, dtype=bool)[images["label"]], scores(network, inputs)["presence"]

    limit = multilabel.threshold(*labels_and_scores("val"))
    assert multilabel.presence_threshold(found) == pytest.approx(limit, abs=1e-6)
    known, values = labels_and_scores("test")
    expected = metrics.f1_score(known.ravel(), (multilabel.round_scores(values) >= limit).ravel())
    assert found["labels"]["large_loss_rejection"]["f1"] == pytest.approx(expected, abs=1e-6)
    assert multilabel.format_summary("m", found).startswith("m: labels found in test images, F1: softmax 0.")


def test_a_thousand_classes_take_no_time():
    rng = np.random.default_rng(0)
    present = np.zeros((300, 1000), bool)
    present[np.arange(300)[:, None], rng.integers(1000, size=(300, 2))] = True
    values = rng.random((300, 1000)) * 0.5 + present * 0.4
    limit = multilabel.threshold(present, values)
    found = multilabel.at_threshold(present, values, limit)
    positive = multilabel.round_scores(values) >= limit
    assert found["f1"] == pytest.approx(metrics.f1_score(present.ravel(), positive.ravel()), abs=1e-6)
    precision = multilabel.average_precision(present, values, [f"{index}" for index in range(1000)])
    assert len(precision["per_class"]) == present.any(axis=0).sum()
