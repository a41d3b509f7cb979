"""Small pictures and the zips they come in, for the tests of everything that reads an archive."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from scenes.layout.layout import Archive

LAYOUT = {"train": "seg_train", "test": "seg_test", "pred": "seg_pred"}
SUBSET = Path(__file__).resolve().parents[2] / "../shared/data/intel-subset.zip"
NO_SUBSET = "the real images (../shared/data/intel-subset.zip) are not here"


def picture(seed: int, width: int = 48, height: int = 48) -> np.ndarray:
    """Return uint8 (height, width, 3): coarse noise, smooth like a photograph, unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encode(pixels: np.ndarray | Image.Image, kind: str = "JPEG", **options) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def jpeg(seed: int, **options) -> bytes:
    return encode(picture(seed), quality=90, **options)


def sound_files(train: int = 4, test: int = 3, pred: int = 2) -> dict[str, bytes]:
    """Return the members of an archive of two classes, all pictures different."""
    files = {}
    for split, count in (("train", train), ("test", test)):
        for label in ("lake", "moor"):
            for _ in range(count):
                files[f"seg_{split}/seg_{split}/{label}/{len(files)}.jpg"] = jpeg(len(files))
    for _ in range(pred):
        files[f"seg_pred/seg_pred/{len(files)}.jpg"] = jpeg(len(files))
    return files


def pack(path: Path, files: Mapping[str, bytes] | Iterable[tuple], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip of (name or ZipInfo, bytes) in the order given, and nothing more."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(name, data)
    return path


def opened(path: Path, max_member_bytes: int = 5_000_000, max_ratio: float = 200) -> Archive:
    return Archive(path, LAYOUT, max_member_bytes, max_ratio)


def patched(path, name: str, *, flag: int | None = None, size: int | None = None, packed: int | None = None):
    """Overwrite what the central directory says of one member."""
    data = bytearray(path.read_bytes())
    entry = data.rindex(name.encode()) - 46
    assert data[entry : entry + 4] == b"PK\x01\x02"
    for offset, value, form in ((8, flag, "<H"), (20, packed, "<L"), (24, size, "<L")):
        if value is not None:
            struct.pack_into(form, data, entry + offset, value)
    path.write_bytes(data)
    return path


def with_mode(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def texts_beyond_the_edge(figure) -> list[str]:
    """Return the texts of a matplotlib figure that its edge cuts."""
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    axes_texts = [text for axes in figure.axes for text in (*axes.texts, axes.title, *_yticklabels(axes))]
    beyond = []
    for text in [*figure.texts, *axes_texts]:
        box = text.get_window_extent()
        if text.get_text() and text.get_visible() and not (
            box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        ):  # fmt: skip
            beyond.append(text.get_text())
    return beyond


def _yticklabels(axes) -> list:
    """Return the labels of the ticks that are drawn: matplotlib also has some beyond the ends of the axis."""
    low, high = sorted(axes.get_ylim())
    return [tick.label1 for tick in axes.yaxis.get_major_ticks() if low <= tick.get_loc() <= high]


def assert_same_and_whole(draw: Callable[[Path], None], folder: Path) -> None:
    """Draw a PNG twice: the same bytes, something on it, and nothing cut at its edge."""
    for name in ("a.png", "b.png"):
        draw(folder / name)
    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()
    with Image.open(folder / "a.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.min() < 128
    assert min(pixels[0].min(), pixels[-1].min(), pixels[:, 0].min(), pixels[:, -1].min()) == 255
