""".keras files: equal bytes from two processes, and read by Keras alone."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from scenes.backbones import backbone
from scenes.common.errors import InputError
from scenes.models import cnn, keras_file, linear
from tests.helpers.small_model import small_backbone

pytestmark = pytest.mark.usefixtures("deterministic")
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
LOAD_AND_PREDICT = """
import sys, keras, numpy as np
assert not any(name.split(".")[0] in ("scenes", "stages") for name in sys.modules)
np.save(sys.argv[3], keras.saving.load_model(sys.argv[1]).predict(np.load(sys.argv[2]), verbose=0))
"""


def small(seed: int):
    keras.utils.set_random_seed(seed)
    return cnn.build((32, 32, 3), 3, filters=[4, 8], dropout=0.1)


def with_backbone():
    """All there is in a whole model: resizing, operations of Keras, a model within a model, one used twice."""
    keras.utils.set_random_seed(0)
    extractor = backbone.feature_extractor(small_backbone(32), test_time_flip=True)
    layers = linear.build(extractor.output_shape[-1], 3)
    return keras.Model(extractor.inputs, layers(extractor.outputs[0]))


@pytest.mark.parametrize("build", [lambda: small(0), with_backbone], ids=["cnn", "backbone"])
def test_what_is_loaded_predicts_the_same(build, tmp_path):
    model = build()
    keras_file.save(tmp_path / "model.keras", model)
    found = keras_file.load(tmp_path / "model.keras")(IMAGES, training=False)
    np.testing.assert_allclose(found, model(IMAGES, training=False), atol=1e-6)


@pytest.mark.process
def test_it_loads_without_this_projects_code_and_predicts_the_same(tmp_path):
    model = with_backbone()
    keras_file.save(tmp_path / "model.keras", model)
    np.save(tmp_path / "images.npy", IMAGES)
    paths = [tmp_path / name for name in ("model.keras", "images.npy", "out.npy")]
    subprocess.run([sys.executable, "-c", LOAD_AND_PREDICT, *paths], cwd=tmp_path, check=True, timeout=200)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), model.predict(IMAGES, verbose=0), atol=1e-6)


def test_equal_models_give_equal_bytes(tmp_path):
    """Built twice, so that no object is the same."""
    files = [tmp_path / name for name in ("one.keras", "two.keras")]
    for file in files:
        keras.backend.clear_session()  # names are counted anew, as in a new process
        keras_file.save(file, with_backbone())
    assert files[0].read_bytes() == files[1].read_bytes()


def test_other_weights_give_other_bytes(tmp_path):
    for seed in (0, 1):
        keras.backend.clear_session()
        keras_file.save(tmp_path / f"{seed}.keras", small(seed))
    assert (tmp_path / "0.keras").read_bytes() != (tmp_path / "1.keras").read_bytes()


def test_it_holds_no_date(tmp_path):
    keras_file.save(tmp_path / "model.keras", small(0))
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"date" not in file.read("metadata.json")


def refusal(path) -> str:
    with pytest.raises(InputError) as caught:
        keras_file.load(path)
    said = str(caught.value)
    assert said.startswith(f"{path} ")
    assert said.isprintable()
    assert len(said) < len(str(path)) + 350
    assert "safe_mode" not in said  # nobody is told how to run the code after all
    return said


def with_code(path):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs))
    keras_file.save(path, model)
    return path


def test_code_in_a_file_is_refused(tmp_path):
    assert "contains code, which is not run" in refusal(with_code(tmp_path / "model.keras"))


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "model.keras"
    keras_file.save(path, small(0))
    return path


def with_config(sound, path, config) -> str:
    """Replace the layers of a sound file by a config made to harm; return what is said of it."""
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, json.dumps(config) if name == "config.json" else old.read(name))
    return refusal(path)


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("os", "system", ["touch harmed"]),
        ("builtins", "exec", ["open('harmed', 'w')"]),
        ("subprocess", "run", [["touch", "harmed"]]),
        ("keras.config", "enable_unsafe_deserialization", []),
        ("keras.src.utils.file_utils", "rmtree", ["harmed"]),
    ],
)
@pytest.mark.parametrize("form", ["function", "class", "layer"])
def test_a_file_cannot_name_a_function_to_call(sound, tmp_path, monkeypatch, module, name, arguments, form):
    """As files did that went round the safe mode of older versions, https://nvd.nist.gov/vuln/detail/CVE-2025-1550."""
    monkeypatch.chdir(tmp_path)
    call = {"module": module, "class_name": name, "config": {"args": arguments}, "registered_name": name}
    function = {"module": module, "class_name": "function", "config": name, "registered_name": "function"}
    layer = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "a", "function": function, "arguments": {"args": arguments}},
        "registered_name": None,
    }
    layers = {"function": function, "class": call, "layer": layer}
    model = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "m", "layers": [layers[form]], "build_input_shape": [None, 2]},
        "registered_name": None,
    }
    for number, config in enumerate((model, layers[form])):
        with_config(sound, tmp_path / f"{number}.keras", config)
    assert not (tmp_path / "harmed").exists()
    assert "contains code" in refusal(with_code(tmp_path / "model.keras"))  # as before: the mode was not switched off


@pytest.mark.parametrize("part", [0, 0.001, 0.5, 0.99])
def test_a_file_that_is_cut_short(sound, tmp_path, part):
    data = sound.read_bytes()
    (tmp_path / "model.keras").write_bytes(data[: int(part * len(data))])
    assert "is damaged (" in refusal(tmp_path / "model.keras")


def test_a_file_that_is_not_there_or_a_folder(tmp_path):
    assert "is missing; make it with `dvc repro`" in refusal(tmp_path / "nothing.keras")
    assert "is missing; make it with `dvc repro`" in refusal(tmp_path)
