"""docs/serving.md: its server runs as printed and says what the Keras model says; its other lines run, too."""

import io
import re
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
import requests
import uvicorn
from PIL import Image

from scenes.commands.verify import environment
from scenes.config import schema
from scenes.evaluation.presence import CONTAINED, PresenceCalibration
from scenes.export import check
from scenes.images import decode
from tests.code_facts import ROOT
from tests.helpers.pictures import encode, picture
from tests.helpers.small_model import DESCRIPTION, SIDE, small

pytestmark = pytest.mark.usefixtures("deterministic")
PAGE = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SENTENCE = "send a JPEG, WebP or PNG (not 16-bit grey) of at most 50 million pixels"
REFUSE = """
import sys

assert not {"scenes", "tensorflow", "keras"} & set(sys.modules)
"""
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
    check.save(root / "models/export", list(check.PATHS), network, DESCRIPTION)
    return root, network


@pytest.fixture(scope="module")
def server(exported):
    """The example of the page, served by a thread of this process."""
    root, _ = exported
    example = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)  # where it looks for models/
        exec(block("FastAPI"), example)
    listener = socket.create_server(("127.0.0.1", 0))
    serving = uvicorn.Server(uvicorn.Config(example["app"], log_level="warning"))
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listener]})
    thread.start()  # the listener is there already, so a request waits until it is answered
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/classify"
    finally:
        serving.should_exit = True
        thread.join(10)
        listener.close()


def post(url: str, data: bytes) -> requests.Response:
    return requests.post(url, files={"file": ("photo", data)}, timeout=30)


def turned(pixels: np.ndarray) -> bytes:
    """A rotated photo with the EXIF orientation that a camera writes."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(pixels, quality=90, exif=exif)


def see_through(pixels: np.ndarray) -> Image.Image:
    """A picture that is more and more transparent to the right."""
    alpha = np.broadcast_to(np.linspace(255, 0, pixels.shape[1]).astype(np.uint8), pixels.shape[:2])
    return Image.fromarray(np.dstack([pixels, alpha]))


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
        encode(Image.fromarray(picture(6, 40, 40)).convert("CMYK")),
        encode(see_through(picture(7, 40, 60)), "PNG"),
        encode(see_through(picture(8, 60, 40)).convert("LA"), "PNG"),
        encode(see_through(picture(9, 40, 40)).convert("P"), "PNG", transparency=bytes(range(256))),
        encode(see_through(picture(10, 40, 40)), "WEBP"),
    ],
    ids=[
        *("jpeg", "odd size", "png", "turned", "webp", "cmyk"),
        *("transparent", "grey and transparent", "palette and transparent", "transparent webp"),
    ],
)
def test_the_server_says_what_the_keras_model_says(server, exported, data):
    response = post(server, data)
    assert response.status_code == 200, response.text
    assert_says_what_keras_says(response.json(), exported[1], data)


def assert_says_what_keras_says(answer, network, data):
    pixels = decode.fit(decode.decode(data, max_pixels=100_000).pixels, SIDE)
    (expected,) = network.predict_on_batch(pixels[None])
    classes = DESCRIPTION["classes"]
    probabilities = [answer["probabilities"][name] for name in classes]
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert answer["class"] == classes[expected.argmax()]
    assert answer["unsure"] == (expected.max() < DESCRIPTION["unsure_below"])
    assert answer["drawn"] == DESCRIPTION["drawn"]
    (presence,) = PresenceCalibration(**DESCRIPTION["presence"]).presence(expected[None])
    assert answer["presence"] == [name for name, value in zip(classes, presence, strict=True) if value >= CONTAINED]


def test_without_a_threshold_the_server_does_not_say_whether_it_is_unsure(exported, monkeypatch):
    monkeypatch.chdir(exported[0])
    example = {}
    exec(block("FastAPI"), example)
    photo = encode(picture(1), quality=90)
    for unsure_below, unsure in ((1.0, True), (0.0, False), (None, None)):
        example["model"]["unsure_below"] = unsure_below
        assert example["classify"](SimpleNamespace(file=io.BytesIO(photo)))["unsure"] is unsure


@pytest.mark.process
def test_its_command_serves_it_without_this_project(exported, tmp_path):
    """A process of its own, beside models/ as the page says, that imports neither TensorFlow nor ``scenes``."""
    root, network = exported
    (tmp_path / "models").symlink_to(root / "models")
    (tmp_path / "serve.py").write_text(block("FastAPI") + REFUSE, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "serve:app", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + SECONDS
        while "running on" not in (tmp_path / "log").read_text():
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.05)
        url = f"http://127.0.0.1:{port}/classify"
        assert post(url, b"no image").json()["detail"] == SENTENCE
        photo = encode(picture(2, 150, 113), quality=90)
        assert_says_what_keras_says(post(url, photo).json(), network, photo)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"no image", encode(picture(1), quality=90)[:300], encode(picture(1), "GIF"), encode(picture(1), "BMP")),
        encode(Image.fromarray(np.arange(0, 65_000, 50, np.uint16).reshape(26, 50)), "PNG"),
    ],
    ids=["empty", "text", "truncated", "gif", "bmp", "16-bit"],
)
def test_what_is_no_photo_is_refused_and_the_server_goes_on(server, data):
    response = post(server, data)
    assert response.status_code == 422
    assert response.json()["detail"] == SENTENCE
    assert post(server, encode(picture(1), quality=90)).status_code == 200


def test_a_photo_of_too_many_pixels_is_refused(server):
    """By the page's own limit: Pillow's are higher."""
    assert 50_000_000 < 7100 * 7100 < Image.MAX_IMAGE_PIXELS
    response = post(server, encode(Image.new("1", (7100, 7100)), "PNG"))
    assert response.status_code == 422
    assert response.json()["detail"] == SENTENCE
    assert post(server, encode(Image.new("1", (7000, 7000)), "PNG")).status_code == 200


@pytest.mark.parametrize("word", ["saved_model", "ai_edge_litert"])
def test_the_other_lines_of_python_say_the_same(exported, monkeypatch, capsys, word):
    root, network = exported
    pixels = picture(1, 150, 113)
    (root / "photo.jpg").write_bytes(encode(pixels, "PNG"))
    monkeypatch.chdir(root)
    (expected,) = network.predict_on_batch(decode.fit(pixels, SIDE)[None])
    exec(block(word), {})
    name, numbers = capsys.readouterr().out.split(maxsplit=1)
    assert name == DESCRIPTION["classes"][expected.argmax()]
    np.testing.assert_allclose([float(number) for number in numbers.strip("[]\n").split()], expected, atol=1e-5)


def test_the_lines_for_keras_give_the_probabilities(exported, monkeypatch):
    root, network = exported
    (root / "models/production").mkdir()
    network.save(root / "models/production/model.keras")
    monkeypatch.chdir(root)
    example = {"images": decode.fit(picture(1), SIDE)[None]}
    exec(block("keras.saving"), example)
    np.testing.assert_array_equal(example["probabilities"], network.predict_on_batch(example["images"]))


def test_there_is_no_other_python_on_the_page():
    words = ("keras.saving", "FastAPI", "saved_model", "ai_edge_litert")
    assert sum(any(word in code for code in CODE) for word in words) == len(CODE)


def test_commands_are_not_run_and_say_why():
    assert len(re.findall(r"<!-- not run: \w[^\n]*-->\n```sh\n", PAGE)) == PAGE.count("```sh")


def test_the_page_names_every_format_that_params_can_ask_for():
    assert sorted(get_args(get_args(schema.Export.model_fields["formats"].annotation)[0])) == sorted(check.PATHS)
    for path in check.PATHS.values():
        assert f"| `{path}" in PAGE
