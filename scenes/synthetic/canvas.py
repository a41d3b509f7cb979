"""A canvas of integers: random textures, light, and painting that records what each pixel shows.

All arithmetic that reaches a pixel is in integers, so the same seed gives the same bytes on any machine. Colours are
0 to 255 per channel, lengths are pixels of the canvas.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

Values = int | np.ndarray  # one number, or one per pixel
Colour = Sequence[Values] | np.ndarray  # red, green, blue

SIDE = 192  # of the canvas; twice the image size of the demo, so that shrinking smooths the edges
yy, xx = np.mgrid[:SIDE, :SIDE].astype(np.int32)

# What a pixel can show. Sky and ground belong to no class.
SKY, GROUND, ROCK, ICE, WATER, TREES, FACADE, ROAD = range(8)

# Colour of the sky above, of the sky at the horizon, and the light on everything else (256 leaves a colour unchanged).
LIGHTS = np.array(
    [
        [(62, 120, 200), (185, 212, 236), (262, 258, 250)],  # day
        [(30, 80, 170), (120, 170, 215), (270, 262, 245)],  # high and clear
        [(140, 150, 162), (205, 209, 212), (216, 220, 228)],  # overcast
        [(96, 104, 118), (150, 152, 158), (168, 172, 184)],  # before a storm
        [(96, 120, 168), (250, 204, 140), (276, 232, 186)],  # golden hour
        [(64, 52, 104), (238, 134, 104), (226, 178, 178)],  # dusk
        [(150, 130, 178), (246, 196, 190), (250, 226, 230)],  # pink morning
        [(12, 16, 40), (46, 56, 92), (96, 106, 142)],  # night
        [(196, 202, 206), (222, 226, 226), (226, 230, 232)],  # fog
    ],
    np.int32,
)


def pick(rng: np.random.Generator, low: int, high: int) -> int:
    """Return a random integer from ``low`` to ``high``, both included."""
    return int(rng.integers(low, high + 1))


def chance(rng: np.random.Generator, percent: int) -> bool:
    """Return True with this probability."""
    return pick(rng, 0, 99) < percent


def tint(rng: np.random.Generator, colours: Sequence[Colour], spread: int = 20) -> np.ndarray:
    """Return a random one of the colours, each channel changed by up to ``spread``: (3,) int32."""
    moved = rng.integers(-spread, spread + 1, 3, np.int32) + colours[pick(rng, 0, len(colours) - 1)]
    return np.clip(moved, 0, 255)


def lerp(table: np.ndarray, count: int) -> np.ndarray:
    """Interpolate smoothly along the first axis: ``count`` rows from the first row of ``table`` to the last, uint16."""
    at = np.arange(count) * ((len(table) - 1) << 8) // (count - 1)
    below = np.minimum(at >> 8, len(table) - 2)
    part = at - (below << 8)
    part = (part * part * (768 - 2 * part) >> 16).astype(np.uint16).reshape(-1, *[1] * (table.ndim - 1))
    return (table[below] * (256 - part) + table[below + 1] * part) >> 8  # at most 255 * 256, which fits


def noise(rng: np.random.Generator, down: int, across: int, octaves: int = 4) -> np.ndarray:
    """Return value noise in -128..127, its coarsest octave of ``down`` x ``across`` cells: (SIDE, SIDE) int32."""
    total = np.zeros((SIDE, SIDE), np.uint16)
    for octave in range(octaves):
        cells = min(across << octave, SIDE) + 1, min(down << octave, SIDE) + 1
        grid = rng.integers(0, 256, cells, np.uint16)
        total += lerp(lerp(grid, SIDE).T, SIDE) >> (octave + 1)
    return total.astype(np.int32) - 128


def skyline(rng: np.random.Generator, top: int, height: int, cells: int) -> np.ndarray:
    """Return a wavy line: a y from ``top`` to ``top + height`` for each column, (SIDE,) int32."""
    total = np.full(SIDE, top, np.int32)
    for octave in range(4):
        total += lerp(rng.integers(0, height + 1, (cells << octave) + 1, np.uint16), SIDE) >> (octave + 1)
    return total


def relief(bumps: np.ndarray, strength: int) -> np.ndarray:
    """Return the shade of a rough surface that is lit from one side: (SIDE, SIDE) int32 around 128."""
    shade = np.full_like(bumps, 128)
    shade[2:, 3:] += (bumps[2:, 3:] - bumps[:-2, :-3]) * strength
    return np.clip(shade, 50, 215)


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize by averaging areas, in integers: uint8 (h, w, 3) to uint8 (height, width, 3)."""
    for count in (height, width):
        sums = np.concatenate([np.zeros_like(pixels[:1], np.int32), np.cumsum(pixels, 0, np.int32)])
        at = np.arange(count + 1) * (len(pixels) << 8) // count
        below = np.minimum(at >> 8, len(pixels) - 1)
        part = (at - (below << 8))[:, None, None]
        edges = sums[below] * (256 - part) + sums[below + 1] * part
        pixels = (np.diff(edges, axis=0) // np.diff(at)[:, None, None]).swapaxes(0, 1)
    return pixels.astype(np.uint8)


class Canvas:
    """A picture that is being painted, and its light.

    Attributes:
        pixels: int32 (3, SIDE, SIDE), RGB, 0 to 255.
        layers: uint8 (SIDE, SIDE), what each pixel shows (``SKY`` to ``ROAD``).
        high, low: colours of the sky above and at the horizon.
        light: a factor per channel, in 256ths, for everything but the sky.
        dark: whether it is night or nearly.
        grain: int32 (SIDE, SIDE), fine noise for surfaces.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        first, second = LIGHTS[rng.integers(0, len(LIGHTS), 2)]
        part = pick(rng, 0, 96)
        self.high, self.low, self.light = ((first * (256 - part) + second * part) >> 8).tolist()
        self.dark = sum(self.light) < 450
        self.pixels = np.zeros((3, SIDE, SIDE), np.int32)
        self.layers = np.zeros((SIDE, SIDE), np.uint8)
        self.grain = noise(rng, 24, 24, 3)

    def paint(
        self,
        mask: np.ndarray,
        colour: Colour,
        layer: int,
        shade: Values = 128,
        haze: int = 0,
        lit: bool = True,
        area: Any = np.s_[:],
    ) -> None:
        """Paint the pixels where ``mask`` is true.

        Args:
            mask: bool, in the shape of ``area``.
            colour: three channels, each a number or an array in the shape of ``area``.
            layer: what the pixels show from now on.
            shade: 128 leaves the colour unchanged; a number or an array in the shape of ``area``.
            haze: 0 to 256, how far the colour of the horizon covers what is painted.
            lit: False for what shines by itself.
            area: index of the part of the canvas to paint in.
        """
        painted = np.flatnonzero(mask.any(1))
        if not len(painted):
            return
        rows = slice(painted[0], painted[-1] + 1)  # most things are low: skip the rows without a pixel to paint
        mask, shade = mask[rows], shade[rows] if isinstance(shade, np.ndarray) else shade
        for channel, values in enumerate(colour):
            value = values[rows] if np.ndim(values) else int(values)
            value = np.minimum(value * (self.light[channel] if lit else 256) * shade >> 15, 255)
            value = (value * (256 - haze) + self.low[channel] * haze) >> 8
            np.copyto(self.pixels[channel][area][rows], value, where=mask, casting="same_kind")
        np.copyto(self.layers[area][rows], np.uint8(layer), where=mask)

    def blend(self, colour: Colour, part: Values) -> None:
        """Mix ``part`` 256ths of ``colour`` into all pixels.

        Args:
            colour: three channels, each a number or an array (SIDE, SIDE).
            part: 0 to 256, a number or an array (SIDE, SIDE).
        """
        for pixels, value in zip(self.pixels, colour, strict=True):
            pixels += (value - pixels) * part >> 8


def frame(canvas: Canvas, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels and layers as a photographer might take them: crop, mirroring, white balance, exposure, contrast.

    Returns:
        See :func:`scenes.synthetic.scenes.render_scene`.
    """
    side = pick(rng, SIDE * 3 // 4, SIDE)
    top, left = rng.integers(0, SIDE - side + 1, 2)
    window = np.s_[top : top + side, left : left + side]
    pixels, layers = canvas.pixels[:, *window], canvas.layers[window]
    if chance(rng, 50):
        pixels, layers = pixels[..., ::-1], layers[:, ::-1]
    balance = rng.integers(232, 268, 3, np.int32) * pick(rng, 215, 288)
    pixels = pixels * balance[:, None, None] >> 16
    pixels = 128 + ((pixels - 128) * pick(rng, 230, 285) >> 8)
    return np.clip(pixels, 0, 255).astype(np.uint8).transpose(1, 2, 0), layers
