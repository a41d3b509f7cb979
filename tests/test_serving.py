"""docs/serving.md: its server runs as it stands there and says what the Keras model says; its other lines run, too."""

import io
import re
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import requests
import yaml
from PIL import Image

from scenes import exports, images
from tests.clones import environment
from tests.code_facts import ROOT
from tests.pictures import encode, picture
from tests.scenes.test_exports import DESCRIPTION, SIDE, small

pytestmark = pytest.mark.usefixtures("deterministic")
PAGE = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SECONDS = 60  # for the server to be there, on a machine that has much else to do


def block(word: str) -> str:
    (found,) = [code for code in CODE if word in code]
    return found


@pytest.fixture(scope="module")
def exported(tmp_path_factory, deterministic):
    """A folder with models/export of a small network, and the network."""
    root = tmp_path_factory.mktemp("serving")
    network = small(3)
    (root / "models/export").mkdir(parents=True)
    exports.save(root / "models/export", list(exports.PATHS), network, DESCRIPTION)
    return root, network


@pytest.fixture(scope="module")
def server(exported):
    """The example of the page, served on this machine."""
    root, _ = exported
    (root / "serve.py").write_text(block("FastAPI"), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "serve:app", "--host", "127.0.0.1", "--port", str(port)]
    with (root / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=root, env=environment(), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + SECONDS
        while "running on" not in (root / "log").read_text():
            assert process.poll() is None and time.monotonic() < deadline, (root / "log").read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/classify"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def post(url: str, data: bytes) -> requests.Response:
    return requests.post(url, files={"file": ("photo", data)}, timeout=30)


def turned(pixels: np.ndarray) -> bytes:
    """A photo that lies on its side, as a camera writes it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(pixels, quality=90, exif=exif)


def test_the_example_is_thirty_lines_at_most():
    assert len([line for line in block("FastAPI").splitlines() if line.strip()]) <= 30


@pytest.mark.parametrize(
    "data",
    [
        encode(picture(1, SIDE, SIDE), quality=90),
        encode(picture(2, 150, 113), quality=90),
        encode(picture(3, 40, 60), "PNG"),
        turned(picture(4, 60, 40)),
        encode(picture(5, 40, 40), "WEBP"),
    ],
    ids=["jpeg", "odd size", "png", "turned", "webp"],
)
def test_the_server_says_what_the_keras_model_says(server, exported, data):
    pixels = images.fit(images.decode(data, max_pixels=100_000).pixels, SIDE)
    expected = {name: value[0] for name, value in exported[1].predict_on_batch(pixels[None]).items()}
    response = post(server, data)
    assert response.status_code == 200, response.text
    found = response.json()
    classes = DESCRIPTION["classes"]
    np.testing.assert_allclose([found["probabilities"][name] for name in classes], expected["probabilities"], atol=1e-5)
    assert found["class"] == classes[expected["probabilities"].argmax()]
    assert found["unsure"] == (expected["probabilities"].max() < DESCRIPTION["unsure_below"])
    contained = [name for name, score in zip(classes, expected["contains"], strict=True) if score >= 0.5]
    assert found["contains"] == contained


@pytest.mark.parametrize(
    "data",
    [b"", b"no image", encode(picture(1), quality=90)[:300], encode(picture(1), "GIF"), encode(picture(1), "BMP")],
    ids=["empty", "text", "truncated", "gif", "bmp"],
)
def test_what_is_no_photo_is_refused_with_a_sentence_and_the_server_goes_on(server, data):
    response = post(server, data)
    assert response.status_code == 422
    assert "not a photo that can be read" in response.json()["detail"]
    assert post(server, encode(picture(1), quality=90)).status_code == 200


def test_a_photo_of_too_many_pixels_is_refused_by_its_header(server):
    stream = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(stream, "PNG")
    assert post(server, stream.getvalue()).status_code == 422


def test_the_other_lines_of_python_say_the_same(exported, monkeypatch):
    root, network = exported
    data = encode(picture(1, SIDE, SIDE), "PNG")
    (root / "photo.jpg").write_bytes(data)
    monkeypatch.chdir(root)
    expected = network.predict_on_batch(picture(1, SIDE, SIDE)[None])["probabilities"]
    for word, atol in (("saved_model", 1e-4), ("ai_edge_litert", 0.02)):
        found = {"pixels": picture(1, SIDE, SIDE)[None]}
        exec(block(word), found)
        probabilities = keras.ops.convert_to_numpy(found["found"]["probabilities"])
        np.testing.assert_allclose(probabilities, expected, atol=atol)


def test_commands_are_not_run_and_say_why():
    assert len(re.findall(r"<!-- not run: \w[^\n]*-->\n```sh\n", PAGE)) == PAGE.count("```sh")


def test_the_page_names_what_is_there():
    assert sorted(yaml.safe_load((ROOT / "params.yaml").read_text())["export"]["formats"]) == sorted(exports.PATHS)
    for path in exports.PATHS.values():
        assert f"`{path}" in PAGE
