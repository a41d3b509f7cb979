"""docs/serving.md: its server runs as it stands there and says what the Keras model says; its other lines run, too."""

import re
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import requests
from PIL import Image

from scenes.commands.verify import environment
from scenes.config import schema
from scenes.export import check
from scenes.images import decode
from tests.code_facts import ROOT
from tests.helpers.pictures import encode, picture
from tests.helpers.small_model import DESCRIPTION, SIDE, small

pytestmark = pytest.mark.usefixtures("deterministic")
PAGE = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SENTENCE = "send a JPEG, WebP or PNG (not 16-bit grey) of at most 50 million pixels"
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
    pixels = decode.fit(decode.decode(data, max_pixels=100_000).pixels, SIDE)
    expected = {name: value[0] for name, value in exported[1].predict_on_batch(pixels[None]).items()}
    response = post(server, data)
    assert response.status_code == 200, response.text
    found = response.json()
    classes = DESCRIPTION["classes"]
    np.testing.assert_allclose([found["probabilities"][name] for name in classes], expected["probabilities"], atol=1e-5)
    assert found["class"] == classes[expected["probabilities"].argmax()]
    assert found["unsure"] == (expected["probabilities"].max() < DESCRIPTION["unsure_below"])
    contained = [name for name, score in zip(classes, expected["presence"], strict=True) if score >= 0.5]
    assert found["presence"] == contained


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"no image", encode(picture(1), quality=90)[:300], encode(picture(1), "GIF"), encode(picture(1), "BMP")),
        encode(Image.fromarray(np.arange(0, 65_000, 50, np.uint16).reshape(26, 50)), "PNG"),
    ],
    ids=["empty", "text", "truncated", "gif", "bmp", "16-bit"],
)
def test_what_is_no_photo_is_refused_with_a_sentence_and_the_server_goes_on(server, data):
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


@pytest.mark.parametrize(("word", "atol"), [("saved_model", 1e-3), ("ai_edge_litert", 0.02)])
def test_the_other_lines_of_python_say_the_same(exported, monkeypatch, capsys, word, atol):
    root, network = exported
    pixels = picture(1, 150, 113)
    (root / "photo.jpg").write_bytes(encode(pixels, "PNG"))
    monkeypatch.chdir(root)
    (expected,) = network.predict_on_batch(decode.fit(pixels, SIDE)[None])["probabilities"]
    exec(block(word), {})
    name, numbers = capsys.readouterr().out.split(maxsplit=1)
    assert name == DESCRIPTION["classes"][expected.argmax()]
    np.testing.assert_allclose([float(number) for number in numbers.strip("[]\n").split()], expected, atol=atol)


def test_there_is_no_other_python_on_the_page():
    assert sum(any(word in code for code in CODE) for word in ("FastAPI", "saved_model", "ai_edge_litert")) == len(CODE)


def test_commands_are_not_run_and_say_why():
    assert len(re.findall(r"<!-- not run: \w[^\n]*-->\n```sh\n", PAGE)) == PAGE.count("```sh")


def test_the_page_names_every_format_that_params_can_ask_for():
    assert sorted(schema.Tolerance.model_fields) == sorted(check.PATHS)
    for path in check.PATHS.values():
        assert f"| `{path}" in PAGE
