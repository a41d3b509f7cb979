"""Pictures that share a layout and are no copies of each other: digits, playing cards, X-rays."""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

_FONT = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans-Bold.ttf")
_RANKS = ("A", *map(str, range(2, 11)), "J", "Q", "K")
_CORNERS = [(0.3, 0.2), (0.7, 0.2), (0.3, 0.8), (0.7, 0.8)]
_SIX = [*_CORNERS, (0.3, 0.5), (0.7, 0.5)]
_NINE = [*((x, y) for x in (0.3, 0.7) for y in (0.2, 0.4, 0.6, 0.8)), (0.5, 0.5)]
_PIPS = {
    "A": [(0.5, 0.5)],
    "2": [(0.5, 0.2), (0.5, 0.8)],
    "3": [(0.5, 0.2), (0.5, 0.5), (0.5, 0.8)],
    "4": _CORNERS,
    "5": [*_CORNERS, (0.5, 0.5)],
    "6": _SIX,
    "7": [*_SIX, (0.5, 0.35)],
    "8": [*_SIX, (0.5, 0.35), (0.5, 0.65)],
    "9": _NINE,
    "10": [*_NINE[:-1], (0.5, 0.3), (0.5, 0.7)],
}


def cards(each: int = 1, seed: int = 0, size: int = 160) -> dict[str, list[np.ndarray]]:
    """Return photographs of each of the 52 cards, by name: turned, moved and lit a little differently each time."""
    rng = np.random.default_rng(seed)
    return {f"{rank}{suit}": [_card(rank, suit, rng, size) for _ in range(each)] for suit in "♠♥♦♣" for rank in _RANKS}


def _card(rank: str, suit: str, rng: np.random.Generator, size: int) -> np.ndarray:
    table = (40, 90, 50)
    image = Image.new("RGB", (size, size), table)
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = 0.14 * size, 0.03 * size, 0.86 * size, 0.97 * size
    draw.rounded_rectangle((left, top, right, bottom), size // 20, fill="white", outline="black")
    ink = (200, 20, 30) if suit in "♥♦" else (10, 10, 10)

    def write(x: float, y: float, text: str, part: int) -> None:
        place = left + x * (right - left), top + y * (bottom - top)
        draw.text(place, text, fill=ink, font=ImageFont.truetype(_FONT, size // part), anchor="mm")

    for x, y in _PIPS.get(rank, [(0.3, 0.2), (0.7, 0.8)]):
        write(x, y, suit, 8)
    if rank not in _PIPS:
        write(0.5, 0.5, rank, 3)
    for x, y in ((0.08, 0.07), (0.92, 0.93)):
        write(x, y, rank, 11)
    for x, y in ((0.08, 0.15), (0.92, 0.85)):
        write(x, y, suit, 11)
    moved = tuple(rng.integers(-2, 3, 2).tolist())
    image = image.rotate(rng.uniform(-2, 2), Image.Resampling.BICUBIC, fillcolor=table, translate=moved)
    light = np.asarray(image) * rng.uniform(0.85, 1.1) + rng.uniform(-10, 10) + rng.normal(0, 3, (size, size, 1))
    return np.clip(light, 0, 255).astype(np.uint8)


def x_rays(count: int, seed: int = 0, size: int = 160) -> list[np.ndarray]:
    """Return drawn chests of different people: lungs, ribs, spine and heart a little different in each."""
    rng = np.random.default_rng(seed)
    return [_x_ray(rng, size) for _ in range(count)]


def _x_ray(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size
    middle, height, apart = 0.5 + rng.normal(0, 0.008), 0.3 + rng.normal(0, 0.02), 0.19 + rng.normal(0, 0.012)
    width, centre = 0.15 + rng.normal(0, 0.012), 0.47 + rng.normal(0, 0.015)
    spacing, slope, phase = 0.062 + rng.normal(0, 0.004), 0.7 + rng.normal(0, 0.12), rng.uniform()
    values = 170 - 60 * np.abs(x - 0.5) + 45 * np.exp(-(((x - middle) / 0.035) ** 2))
    heart = ((x - middle - 0.06) / (0.14 + rng.normal(0, 0.015))) ** 2 + (
        (y - 0.62) / (0.13 + rng.normal(0, 0.015))
    ) ** 2
    values += 60 * _inside(heart, 14)
    ribs = np.cos(2 * np.pi * (y + slope * np.abs(x - middle) ** 1.5 - phase * spacing) / spacing)
    for side in (-1, 1):
        lung = ((x - middle - side * apart) / width) ** 2 + ((y - centre) / height) ** 2
        values += _inside(lung, 25) * (12 * ribs - 95)
    for cells, strength in ((16, 5), (48, 4)):
        cloud = Image.fromarray(rng.normal(0, strength, (cells, cells)).astype(np.float32))
        values += np.asarray(cloud.resize((size, size), Image.Resampling.BICUBIC))
    grey = np.clip(values + rng.normal(0, 2, values.shape), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _inside(radius: np.ndarray, sharpness: float) -> np.ndarray:
    return 1 / (1 + np.exp(np.clip(sharpness * (radius - 1), -50, 50)))


def digits(side: int = 28) -> dict[str, list[np.ndarray]]:
    """Return scikit-learn's 1,797 handwritten digits, enlarged, by digit."""
    from sklearn.datasets import load_digits

    data = load_digits()
    found: dict[str, list[np.ndarray]] = {}
    for image, digit in zip(data.images, data.target, strict=True):
        grey = Image.fromarray(np.clip(image * 16, 0, 255).astype(np.uint8))
        large = grey.resize((side, side), Image.Resampling.BICUBIC)
        found.setdefault(str(digit), []).append(np.asarray(large.convert("RGB")))
    return found


def letters(texts: str, each: int, seed: int = 0, side: int = 40, moved: int = 2) -> dict[str, list[np.ndarray]]:
    """Return drawn letters or arrows, by text: dark on light, lit a little differently each time.

    Each is moved by up to so many pixels.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[np.ndarray]] = {}
    for text in texts:
        for _ in range(each):
            image = Image.new("L", (side, side), int(rng.integers(200, 256)))
            place = side / 2 + rng.integers(-moved, moved + 1), side / 2 + rng.integers(-moved, moved + 1)
            font = ImageFont.truetype(_FONT, side * 2 // 3)
            ImageDraw.Draw(image).text(place, text, fill=int(rng.integers(0, 90)), font=font, anchor="mm")
            found.setdefault(text, []).append(np.asarray(image.convert("RGB")))
    return found
