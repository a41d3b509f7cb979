"""Pictures embedded in an HTML page, so that the page is one file."""

import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from scenes.common.errors import InputError

# Bytes. Larger PNG files contain photographs, which take a fifth of the space as WebP; charts stay as they are.
LARGE = 256 * 1024
QUALITY = 85  # of 100; keeps small text sharp


def embed(path: str | Path, *, title: str, alt: str) -> dict[str, Any]:
    """Return a PNG as ``uri`` (a data: URI), with ``width`` and ``height`` in pixels, ``title`` and ``alt``.

    Args:
        title: the caption.
        alt: the text for screen readers.

    Raises:
        InputError: the file is missing or not a PNG.
    """
    try:
        data = Path(path).read_bytes()
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            width, height = image.size
            kind, data = ("webp", _webp(image)) if len(data) > LARGE else ("png", data)
    except (OSError, SyntaxError, UnidentifiedImageError):  # Pillow raises SyntaxError for a broken chunk
        raise InputError(f"{path} is missing or not a PNG; make it again with `dvc repro`") from None
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return {"uri": uri, "width": width, "height": height, "title": title, "alt": alt}


def _webp(image: Image.Image) -> bytes:
    """Return the image as WebP, transparent areas in white."""
    flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    stream = io.BytesIO()
    flat.save(stream, "WEBP", quality=QUALITY)
    return stream.getvalue()
