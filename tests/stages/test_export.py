"""The stage `export`: the files and their metrics, or nothing and one sentence."""

import json
import shutil

import keras
import pytest
import yaml

from scenes.common.errors import exit_on_input_error
from scenes.images import tf_ops
from scenes.models import store
from scenes.provenance import record
from stages import code_digest, export
from tests.code_facts import ROOT
from tests.helpers.small_model import DESCRIPTION, classifier
from tests.helpers.small_records import SIZE, SPLITS
from tests.helpers.small_records import write as write_records
from tests.helpers.stage import written

pytestmark = pytest.mark.usefixtures("deterministic")


@pytest.fixture(scope="module")
def made(tmp_path_factory, deterministic):
    """A folder with records and a model in production, which tells images apart by their mean colour."""
    tmp_path = tmp_path_factory.mktemp("made")
    (tmp_path / "data").mkdir()
    write_records(tmp_path / "data/records", splits={"test": SPLITS["val"]})
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 3))
    network = classifier(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    (tmp_path / "models/production").mkdir(parents=True)
    store.save_production(tmp_path / "models/production", network, DESCRIPTION | {"image_shape": [SIZE, SIZE, 3]})
    origin = {"archive_sha256": "a", "split_sha256": "b", "data_params": {"seed": 1}}
    record.save(
        tmp_path / "models/production", origin=origin, inputs=[], params={"select": {"tolerance": 0.5}}, code="0" * 64
    )
    return tmp_path


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_export(folder, **changes):
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["export"].update(changes)
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def test_it_writes_the_formats_asked_for_and_their_metrics(folder, capsys):
    set_export(folder, formats=["saved_model"], images=3)
    before = written(folder)
    export.main()
    new = [
        "data/scores/export.json",
        *(f"models/export/{name}" for name in ("SHA256SUMS", "model.json", "provenance.json")),
        "models/export/saved_model/1/saved_model.pb",
    ]
    assert written(folder) == sorted([*before, *new])
    text = (folder / "data/scores/export.json").read_text()
    metrics = json.loads(text)
    assert text == json.dumps(metrics, indent=2, sort_keys=True) + "\n"
    assert metrics["saved_model"]["bytes"] == (folder / new[-1]).stat().st_size
    assert metrics["saved_model"]["images"] == 2 * 3  # and again at other sizes
    assert "the Keras model's class for" in capsys.readouterr().out
    said, made_from = (record.read(folder / "models" / name) for name in ("export", "production"))
    assert said["production"] == made_from
    assert said["data_params"] == {"seed": 1}
    assert said["inputs"] == {"models/production": record.folder_hash(folder / "models/production")}
    assert said["params"]["export"]["images"] == 3
    assert said["code_sha256"] == code_digest("export")


def test_a_file_that_disagrees_is_one_sentence_and_leaves_nothing(folder, capsys):
    set_export(folder, formats=["litert"], tolerance=1e-12)
    before = written(folder)
    with pytest.raises(SystemExit) as ended, exit_on_input_error():
        export.main()
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert "error: the probabilities of litert and the Keras model differ by up to" in error
    assert "leave litert out of export.formats" in error
    assert written(folder) == before


@pytest.mark.parametrize("function", ["decode", "fit"])
def test_a_saved_model_that_reads_its_images_wrongly_is_refused(folder, monkeypatch, capsys, function):
    """What it is held against is not read by the same functions."""
    set_export(folder, formats=["saved_model"])
    right = getattr(tf_ops, function)
    monkeypatch.setattr(tf_ops, function, lambda *inputs: right(*inputs)[..., ::-1])  # blue, green, red
    with pytest.raises(SystemExit), exit_on_input_error():
        export.main()
    assert "error: the probabilities of saved_model and the Keras model differ by up to" in capsys.readouterr().err


def test_without_a_model_it_says_what_to_do(folder, capsys):
    set_export(folder)
    shutil.rmtree(folder / "models/production")
    with pytest.raises(SystemExit), exit_on_input_error():
        export.main()
    assert "models/production/model.json is missing; make it with" in capsys.readouterr().err
