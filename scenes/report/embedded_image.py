"""Pictures that a page holds inside itself, so that it opens anywhere."""

import base64
import io
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from scenes.common.errors import InputError

# A PNG of more bytes is full of photographs, which WebP holds in a fifth of them; charts stay as they are.
LARGE = 256 * 1024
QUALITY = 85  # of 100; small text stays sharp


def embed(path: str | Path, *, title: str, alt: str) -> dict:
    """Return a PNG as ``uri`` (a data: URI), with its ``width`` and ``height`` in pixels, and what is said of it.

    Args:
        title: for the caption.
        alt: for who does not see it.

    Raises:
        InputError: it is missing or no PNG.
    """
    try:
        data = Path(path).read_bytes()
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            width, height = image.size
            kind, data = ("webp", _webp(image)) if len(data) > LARGE else ("png", data)
    except (OSError, SyntaxError, UnidentifiedImageError):  # Pillow raises SyntaxError for a broken chunk
        raise InputError(f"{path} is missing or no PNG; make it again with `dvc repro`") from None
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return {"uri": uri, "width": width, "height": height, "title": title, "alt": alt}


def _webp(image: Image.Image) -> bytes:
    """Return the picture, on white where it is transparent."""
    flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    stream = io.BytesIO()
    flat.save(stream, "WEBP", quality=QUALITY)
    return stream.getvalue()
