"""Weights: drawn the same twice, copied, downloaded by hash; wrong files are named before any feature is computed.

Those that are installed as a package: test_packaged_weights.py.
"""

import hashlib
import json

import numpy as np
import pytest

from scenes.backbones import backbone, weights
from scenes.backbones.backbone_table import Download
from scenes.common.errors import InputError
from tests.helpers.loopback import Reply
from tests.helpers.shallow_backbone import shallow_backbone  # noqa: F401

pytestmark = pytest.mark.usefixtures("deterministic", "shallow_backbone")
NAME = "EfficientNetV2B0"
URL = backbone.BACKBONES[NAME].imagenet.url


def acquire(folder, source, sha256=None, downloaded=()):
    folder.mkdir()
    partial = folder.with_name("partial")
    partial.mkdir(exist_ok=True)
    weights.acquire(folder, NAME, source, sha256=sha256, partial=partial, downloaded=downloaded)
    return folder


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory, shallow_backbone):  # noqa: F811
    return acquire(tmp_path_factory.mktemp("weights") / "random", "random")


def test_random_weights_are_one_fixed_draw(random_weights, tmp_path):
    import keras

    keras.utils.set_random_seed(99)
    again = acquire(tmp_path / "again", "random")
    assert {f.name: f.read_bytes() for f in again.iterdir()} == {
        f.name: f.read_bytes() for f in random_weights.iterdir()
    }


def test_the_description_tells_what_it_is(random_weights):
    described = backbone.describe(random_weights)
    file = random_weights / described["file"]
    assert described == {
        "backbone": NAME,
        "scaling": "none",
        "weights": "random",
        "file": "backbone.weights.h5",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }


def test_a_file_is_copied_and_loads(random_weights, built_once, tmp_path, capsys):
    given = random_weights / "backbone.weights.h5"
    folder = acquire(tmp_path / "copy", f"file:{given}")
    assert (folder / "backbone.weights.h5").read_bytes() == given.read_bytes()
    digest = hashlib.sha256(given.read_bytes()).hexdigest()
    assert f"weights_sha256: {digest}" in capsys.readouterr().out
    pinned = acquire(tmp_path / "pinned", f"file:{given}", digest)
    assert json.loads((pinned / "backbone.json").read_text())["weights"] == "file"


@pytest.fixture
def built_once(legacy, monkeypatch):
    """Have one network for all files: each that is loaded gives it all its weights anew."""
    monkeypatch.setattr(backbone, "_build_one", lambda name, image_size: {NAME: legacy[0]}[name])


def test_wrong_files_are_named(random_weights, built_once, tmp_path):
    given = random_weights / "backbone.weights.h5"
    (tmp_path / "cut.weights.h5").write_bytes(given.read_bytes()[:100_000])
    (tmp_path / "text.h5").write_text("no weights")
    (tmp_path / "weights.txt").write_text("no weights")
    for number, (file, sha256, sentence) in enumerate(
        [
            (tmp_path / "absent.h5", None, "there is no file"),
            (tmp_path / "weights.txt", None, "is not an .h5 or .weights.h5 file"),
            (tmp_path / "text.h5", None, f"does not hold the weights of {NAME}"),
            (tmp_path / "cut.weights.h5", None, f"does not hold the weights of {NAME}"),
            (given, "0" * 64, "its sha256 is"),
        ]
    ):
        with pytest.raises(InputError, match="weights: ") as caught:
            acquire(tmp_path / str(number), f"file:{file}", sha256)
        assert sentence in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def legacy(random_weights, tmp_path_factory):
    """A network with the random weights, and the same as an .h5 file of the official kind."""
    network = backbone.load(random_weights, 64)
    path = tmp_path_factory.mktemp("legacy") / "efficientnetv2-b0_notop.h5"
    write_legacy_h5(network, path)
    return network, path.read_bytes()


@pytest.fixture
def official(legacy, loopback, monkeypatch):
    """A loopback server in place of the official one, whose file is expected to be the one that it serves."""
    path = f"/{URL.rpartition('/')[2]}"
    loopback.replies[path] = Reply(body=legacy[1])
    download = Download(f"{loopback.url}{path}", hashlib.md5(legacy[1]).hexdigest())
    monkeypatch.setitem(backbone.BACKBONES, NAME, backbone.BACKBONES[NAME]._replace(imagenet=download))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return download


def write_legacy_h5(network, path):
    """Write weights in the older layout of the official files: a group per layer, found by its order."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([layer.name for layer in network.layers], "S")
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.7.0"
        for layer in network.layers:
            group = file.create_group(layer.name)
            # Trainable weights first, as Keras 2 did.
            variables = layer.trainable_weights + layer.non_trainable_weights
            group.attrs["weight_names"] = np.array([f"{layer.name}/{v.name}:0" for v in variables], "S")
            for variable in variables:
                group[f"{layer.name}/{variable.name}:0"] = variable.numpy()


def test_the_official_file_is_downloaded_checked_and_loads(official, legacy, random_weights, built_once, tmp_path):
    folder = acquire(tmp_path / "imagenet", "imagenet")
    described = backbone.describe(folder)
    assert (described["file"], described["url"]) == ("backbone.h5", official.url)
    expected = backbone.load(random_weights, 64).get_weights()
    legacy[0].set_weights([np.zeros_like(each) for each in expected])
    found = backbone.load(folder, 64).get_weights()
    assert len(expected) > 100
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_file_than_the_official_one_is_refused(official, tmp_path, monkeypatch):
    other = backbone.BACKBONES[NAME]._replace(imagenet=official._replace(md5="0" * 32))
    monkeypatch.setitem(backbone.BACKBONES, NAME, other)
    with pytest.raises(InputError, match="md5"):
        acquire(tmp_path / "imagenet", "imagenet")


def test_what_another_set_has_downloaded_is_not_downloaded_again(official, legacy, loopback, built_once, tmp_path):
    """But a file with another hash is not taken."""
    (tmp_path / "there.h5").write_bytes(legacy[1])
    (tmp_path / "other.h5").write_bytes(legacy[1][:-1])
    loopback.replies.clear()
    folder = acquire(tmp_path / "imagenet", "imagenet", downloaded=[tmp_path / "other.h5", tmp_path / "there.h5"])
    assert (folder / weights.OFFICIAL_FILE).read_bytes() == legacy[1]
    with pytest.raises(InputError):
        acquire(tmp_path / "again", "imagenet", downloaded=[tmp_path / "other.h5"])


@pytest.mark.parametrize("key", ["b0", "b1", "b2", "b3", "-s", "-m", "-l"])
def test_the_official_files_are_those_that_keras_downloads(key):
    """By the hash and the address in keras.applications itself."""
    from keras.src.applications import efficientnet_v2

    name = key.removeprefix("-")
    url, md5 = backbone.BACKBONES[f"EfficientNetV2{name.upper()}"].imagenet
    assert url == f"{efficientnet_v2.BASE_WEIGHTS_PATH}efficientnetv2-{name}_notop.h5"
    assert md5 == efficientnet_v2.WEIGHTS_HASHES[key][1]


def test_features_are_those_of_keras_applications(random_weights):
    """Against the network as Keras builds it, fed images of its own size."""
    import keras

    reference = keras.applications.EfficientNetV2B0(
        include_top=False, weights=None, input_shape=(64, 64, 3), pooling="avg"
    )
    reference.load_weights(random_weights / "backbone.weights.h5")
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    found = backbone.load(random_weights, 64)(images, training=False)
    np.testing.assert_allclose(found, reference(images.astype(np.float32), training=False), rtol=1e-4, atol=1e-5)
