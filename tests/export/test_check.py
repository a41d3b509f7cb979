"""The model in other formats: the same answers, equal bytes from two processes, and nothing of this machine in them."""

import copy
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf

from scenes.backbones import backbone, efficientnet_lite
from scenes.common.errors import InputError
from scenes.export import check
from scenes.export import onnx as export_onnx
from scenes.images import decode
from tests.code_facts import ROOT
from tests.helpers.pictures import encode, picture
from tests.helpers.small_model import DESCRIPTION, SIDE, classifier, small, small_backbone

pytestmark = pytest.mark.usefixtures("deterministic")
ENCODED = [encode(picture(seed, SIDE, SIDE), quality=90) for seed in range(5)]
PIXELS = np.stack([decode.decode(data, max_pixels=10_000).pixels for data in ENCODED])
FORMATS = list(check.PATHS)
TOLERANCE = 1e-4
SAVE = """
import sys
from scenes.process.runtime import configure
configure(seed=0, threads=2)
from scenes.export import check
from tests.helpers.small_model import DESCRIPTION, small
check.save(sys.argv[1], list(check.PATHS), small(0), DESCRIPTION)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory, deterministic):
    """A network and the folder of its exports."""
    folder = tmp_path_factory.mktemp("exports")
    network = small(0)
    check.save(folder, FORMATS, network, DESCRIPTION)
    return network, folder


def answers(folder, name):
    predict = check.load(folder, name, threads=2)
    return predict(ENCODED if name == "saved_model" else PIXELS)["probabilities"]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_time_it_gives_equal_bytes(exported, tmp_path):
    """TensorFlow and tf2onnx number what they make on and on in a process."""
    for _ in range(40):
        tf.function(lambda x: tf.map_fn(lambda y: y + 1, x)).get_concrete_function(tf.TensorSpec((None,), tf.float32))
    check.save(tmp_path, FORMATS, exported[0], DESCRIPTION)
    assert contents(tmp_path) == contents(exported[1])


def test_an_onnx_graph_has_one_order_and_one_set_of_names(exported):
    """Whatever names and order tf2onnx came by, and the graph computes what it did."""
    path = exported[1] / check.PATHS["onnx"]
    model = onnx.load(path)
    kept = {value.name for value in (*model.graph.input, *model.graph.output)}
    names = sorted({name for node in model.graph.node for name in (*node.input, *node.output)} - kept)
    random.Random(0).shuffle(names)
    renamed = {name: f"x{number}" for number, name in enumerate(names)}
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    tensors = [copy.deepcopy(tensor) for tensor in model.graph.initializer]
    for tensor in tensors:
        tensor.name = renamed[tensor.name]
    del model.graph.initializer[:]
    model.graph.initializer.extend(reversed(tensors))
    onnx.checker.check_model(model)
    assert model.SerializeToString(deterministic=True) != path.read_bytes()
    export_onnx._number(model.graph)
    onnx.checker.check_model(model)
    assert model.SerializeToString(deterministic=True) == path.read_bytes()


@pytest.mark.process
def test_equal_models_give_equal_bytes_in_another_process(exported, tmp_path):
    """Another seed of Python's hashes, and other addresses in memory."""
    done = subprocess.run(
        [sys.executable, "-c", SAVE, tmp_path],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    one, other = contents(exported[1]), contents(tmp_path)
    assert set(one) == set(other) == {"model.json", "model.onnx", "model.tflite", "saved_model/1/saved_model.pb"}
    assert [name for name in one if one[name] != other[name]] == []


def test_nothing_in_the_files_names_a_path(exported):
    for name, data in contents(exported[1]).items():
        for word in (str(ROOT), sys.prefix, "/tmp", ".py"):
            assert word.encode() not in data, f"{name}: {word}"


def test_other_weights_give_other_bytes(exported, tmp_path):
    check.save(tmp_path, ["saved_model"], small(1), DESCRIPTION)
    one, other = contents(exported[1]), contents(tmp_path)
    assert one["saved_model/1/saved_model.pb"] != other["saved_model/1/saved_model.pb"]


def test_only_the_formats_named_are_written(exported, tmp_path):
    check.save(tmp_path, [], exported[0], DESCRIPTION)
    assert list(contents(tmp_path)) == ["model.json"]
    assert json.loads((tmp_path / "model.json").read_text()) == {**DESCRIPTION, "formats": {}}


def test_model_json_says_where_each_format_stands(exported):
    described = json.loads((exported[1] / "model.json").read_text())
    assert described == {**DESCRIPTION, "formats": {name: {"path": path} for name, path in check.PATHS.items()}}


def test_a_saved_model_takes_files_or_pixels(exported):
    signatures = tf.saved_model.load(str(exported[1] / check.PATHS["saved_model"])).signatures
    found = {name: list(signature.structured_input_signature[1].values()) for name, signature in signatures.items()}
    assert found == {
        "serving_default": [tf.TensorSpec((None,), tf.string, name="image_bytes")],
        "pixels": [tf.TensorSpec((None, SIDE, SIDE, 3), tf.uint8, name="image")],
    }


@pytest.mark.parametrize("fit", decode.FIT_METHODS)
def test_a_saved_model_fits_pictures_as_the_classifier_does(exported, tmp_path, fit):
    network, _ = exported
    check.save(tmp_path, ["saved_model"], network, {**DESCRIPTION, "fit": fit})
    pictures = [picture(7, 150, 60), picture(8, 20, 71)]
    found = check.load(tmp_path, "saved_model", threads=2)([encode(pixels, "PNG") for pixels in pictures])
    prepared = {
        method: np.stack([decode.fit(pixels, SIDE, method) for pixels in pictures]) for method in decode.FIT_METHODS
    }
    expected = {method: network.predict_on_batch(pixels) for method, pixels in prepared.items()}
    np.testing.assert_allclose(found["probabilities"], expected.pop(fit), atol=1e-5)
    for others in expected.values():  # otherwise any fit would pass
        assert np.abs(found["probabilities"] - others).max() > 2e-3


def test_keras_takes_it_as_a_layer(exported):
    layer = keras.layers.TFSMLayer(exported[1] / check.PATHS["saved_model"], call_endpoint="serving_default")
    found = layer(tf.constant(ENCODED))
    expected = exported[0].predict_on_batch(PIXELS)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


def test_a_saved_model_refuses_what_is_no_image(exported):
    with pytest.raises(tf.errors.InvalidArgumentError):
        check.load(exported[1], "saved_model", threads=2)([ENCODED[0], ENCODED[0][:200]])


def test_litert_takes_any_number_of_images(exported):
    predict = check.load(exported[1], "litert", threads=1)
    one_by_one = np.concatenate([predict(PIXELS[index : index + 1])["probabilities"] for index in range(len(PIXELS))])
    np.testing.assert_allclose(predict(PIXELS)["probabilities"], one_by_one, atol=TOLERANCE)


def test_the_onnx_file_is_sound_and_says_what_goes_in_and_out(exported):
    model = onnx.load(exported[1] / check.PATHS["onnx"])
    onnx.checker.check_model(model, full_check=True)
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["probabilities"]
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"


@pytest.mark.parametrize("name", ["EfficientNetV2B0", "EfficientNetLite0"])
def test_a_head_behind_a_backbone(name, tmp_path, monkeypatch):
    """The layers of the other kind of model: resizing, a mirrored view, the blocks of either family."""
    keras.utils.set_random_seed(0)
    # Every kind of layer is in the first three stages.
    monkeypatch.setattr(efficientnet_lite, "STAGES", efficientnet_lite.STAGES[:3])
    answers_as_keras(tmp_path, small_backbone(40) if name == "EfficientNetV2B0" else backbone.build(name, 40))


@pytest.mark.slow
def test_a_head_behind_a_whole_backbone_at_its_own_size(tmp_path):
    keras.utils.set_random_seed(0)
    answers_as_keras(tmp_path, backbone.build("EfficientNetV2B0", 224))


def answers_as_keras(folder, body):
    """Compare the exports of a network, which sees an image and its mirror image through ``body``, with the network."""
    extractor = backbone.feature_extractor(body, test_time_flip=True)
    features = keras.ops.convert_to_numpy(extractor(PIXELS, training=False))
    # As in a head that has learned. Otherwise random weights answer nearly the same whatever the image.
    standardise = keras.layers.Normalization(mean=features.mean(axis=0), variance=features.var(axis=0), name="learned")
    network = classifier(extractor.input, standardise(extractor.output))
    expected = keras.ops.convert_to_numpy(network(PIXELS, training=False))
    check.save(folder, FORMATS, network, DESCRIPTION)
    for name in FORMATS:
        check.compare(name, answers(folder, name), expected, tolerance=TOLERANCE)
    assert np.ptp(expected, axis=0).max() > 0.2


@pytest.mark.parametrize("wrong", [0.3, np.nan])
def test_a_difference_beyond_the_tolerance_is_one_sentence(wrong):
    expected = np.array([[0.6, 0.4], [0.3, 0.7]], np.float32)
    found = expected.copy()
    found[0, 0] = wrong
    with pytest.raises(InputError, match=r"of onnx and the Keras model differ .* export.tolerance allows 0.2") as e:
        check.compare("onnx", found, expected, tolerance=0.2)
    assert "\n" not in str(e.value)


def test_differences_are_counted():
    expected, found = np.array([[0.51, 0.49], [0.1, 0.9]]), np.array([[0.49, 0.51], [0.1, 0.9]])
    assert check.compare("onnx", found, expected, tolerance=0.05) == {
        "images": 2,
        "same_class": 1,
        "largest_difference": 0.02,
    }
