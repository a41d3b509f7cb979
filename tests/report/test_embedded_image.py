"""Pictures inside a page: charts byte for byte, galleries of photographs smaller and hardly other than they were."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from scenes.common.errors import InputError
from scenes.report import embedded_image
from tests.helpers.pictures import picture


def decoded(uri: str, kind: str) -> bytes:
    head, _, data = uri.partition(",")
    assert head == f"data:image/{kind};base64"
    return base64.b64decode(data)


def test_a_small_one_is_embedded_as_it_is(tmp_path):
    Image.fromarray(picture(1, 40, 30)).save(tmp_path / "a.png")
    embedded = embedded_image.embed(tmp_path / "a.png", title="A", alt="an A")
    assert decoded(embedded.pop("uri"), "png") == (tmp_path / "a.png").read_bytes()
    assert embedded == {"width": 40, "height": 30, "title": "A", "alt": "an A"}


def test_a_large_one_takes_less_and_looks_the_same(tmp_path):
    rng = np.random.default_rng(0)
    pixels = np.clip(picture(1, 640, 480) + rng.normal(0, 4, (480, 640, 3)), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    uris = [embedded_image.embed(tmp_path / "a.png", title="A", alt="an A")["uri"] for _ in range(2)]
    assert uris[0] == uris[1]
    data = decoded(uris[0], "webp")
    assert len(data) < (tmp_path / "a.png").stat().st_size / 4
    with Image.open(io.BytesIO(data)) as image:
        assert np.abs(np.asarray(image, float) - pixels).mean() < 5


def test_what_is_transparent_becomes_white(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_image, "LARGE", 0)
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "a.png")
    data = decoded(embedded_image.embed(tmp_path / "a.png", title="A", alt="an A")["uri"], "webp")
    with Image.open(io.BytesIO(data)) as image:
        assert np.asarray(image.convert("L")).min() > 250


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n", b"GIF89a"])
@pytest.mark.parametrize("large", [0, 1000])
def test_one_that_cannot_be_shown_is_named(content, large, tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_image, "LARGE", large)
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png is missing or not a PNG"):
        embedded_image.embed(tmp_path / "a.png", title="A", alt="an A")


def test_a_large_one_that_is_cut_short_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_image, "LARGE", 100)
    Image.fromarray(picture(1, 200, 200)).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"a\.png is missing or not a PNG"):
        embedded_image.embed(tmp_path / "a.png", title="A", alt="an A")
