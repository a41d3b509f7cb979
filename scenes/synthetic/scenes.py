"""Scenes of six classes, drawn by code.

Each pixel records what it shows, so the classes a picture *shows* are counted, not assumed. Two pairs of classes are
hard on purpose, as in the real archive: a mountain and a glacier are the same drawing with less or more snow and ice,
buildings and a street the same drawing with less or more road, and the visible amounts overlap. Colours tell little,
because any light may fall on any scene.
"""

import numpy as np

from scenes.synthetic.canvas import (
    FACADE,
    GROUND,
    ICE,
    ROAD,
    ROCK,
    SIDE,
    TREES,
    WATER,
    Canvas,
    chance,
    frame,
    noise,
    pick,
    relief,
    skyline,
    tint,
    xx,
    yy,
)
from scenes.synthetic.elements import (
    BEACH,
    MEADOW,
    PAVING,
    STONE,
    WALLS,
    facades,
    glacier,
    leaves,
    mountains,
    road,
    sky,
    tree,
    trunks,
    water,
    wood,
)

LAYER_OF_CLASS = {"buildings": FACADE, "forest": TREES, "glacier": ICE, "mountain": ROCK, "sea": WATER, "street": ROAD}
CLASSES = tuple(LAYER_OF_CLASS)
SHOWN_FROM = 12  # a class is shown if 1/12 of the pixels or more belong to it

# Percentage of snow and ice, or of road. The ranges of a pair only touch, but each part of a scene varies, and so does
# the framing: the visible amounts overlap, and a good model makes most of its errors there.
AMOUNT = {"mountain": (0, 50), "glacier": (50, 100), "buildings": (0, 50), "street": (50, 100)}


def town(canvas: Canvas, rng: np.random.Generator, paved: int) -> None:
    """Paint houses along a road in perspective; ``paved`` is the width of the road in percent of the largest."""
    horizon, vanish = SIDE - 14 - paved + pick(rng, -5, 5), pick(rng, 40, SIDE - 40)
    half = 20 + paved * 9 // 10 + pick(rng, -6, 6)  # of the road, at the bottom edge
    kerb, drop = half + pick(rng, 8, 30), SIDE - horizon
    sky(canvas, rng, horizon)
    canvas.paint(horizon <= yy, tint(rng, PAVING), GROUND, 128 + canvas.grain // 4)
    # Houses seen from the front, beyond the end of the road.
    widths = rng.integers(20, 62, 10, np.int32)
    house = np.repeat(np.arange(10), widths)[:SIDE]
    inside = xx[0] - (np.cumsum(widths, dtype=np.int32) - widths)[house]
    eaves = rng.integers(horizon // 16, horizon * (60 + paved // 3) // 100, 10, np.int32)[house]
    gable = eaves + abs(inside - widths[house] // 2) - widths[house] // 2
    pointed = (rng.integers(0, 3, 10) == 0)[house]
    canvas.paint(pointed & (gable <= yy) & (eaves > yy), tint(rng, WALLS), FACADE, 90, 40)
    pitch = rng.integers(7, 15, (2, 10), np.int32)[:, house]
    mask = (eaves <= yy) & (horizon + 2 > yy)
    facades(canvas, rng, house, mask, (yy - eaves - 3) * 256 // pitch[0], inside * 256 // pitch[1], pick(rng, 0, 80))
    # Houses along the road: their bases and roofs run to the vanishing point of the road.
    for side in (-1, 1):
        if chance(rng, 45 + paved // 2):
            away = (xx[0] - vanish) * side
            ends = pick(rng, 6, 36) + np.cumsum(rng.integers(14, 30, 7) * (1, 1, 2, 3, 4, 5, 6))
            house = np.minimum(np.searchsorted(ends, away), 6)
            roof = horizon - away * rng.integers(60, 230, 7, np.int32)[house] // 100
            base = horizon + away * drop // kerb
            down = (yy - roof) * rng.integers(3, 9, 7, np.int32)[house] * 256 // np.maximum(base - roof, 1) - 40
            across = pick(rng, 30, 60) * 4096 // np.maximum(away, 4)
            facades(canvas, rng, house, (away >= ends[0] - 14) & (roof <= yy) & (base > yy), down, across, 0)
    road(canvas, rng, horizon, vanish, half, pick(rng, 0, 1 + paved // 35))
    for depth in sorted(rng.integers(12, 100, pick(rng, 0, 4)).tolist()):
        x = vanish + (1 - 2 * pick(rng, 0, 1)) * (kerb + half) * depth // 200
        tree(canvas, rng, x, horizon + drop * depth // 100, 20 + depth // 2, leaves(rng), False)


def alpine(canvas: Canvas, rng: np.random.Generator, cover: int) -> None:
    """Paint ridges with about ``cover`` percent of snow and ice, and ice, water, a meadow or trees at their foot."""
    foot = pick(rng, 112, 182) - cover * 3 // 10
    sky(canvas, rng, foot)
    mountains(canvas, rng, foot, cover + pick(rng, -15, 15))
    before = pick(rng, 0, 3)
    if before == 0:
        water(canvas, rng, foot, SIDE)
    else:
        bumps = noise(rng, 10, 5)
        canvas.paint(foot + bumps // 16 <= yy, tint(rng, MEADOW), GROUND, relief(bumps, 2))
    glacier(canvas, rng, foot, cover - 18 + pick(rng, -4, 4))
    if before == 1:
        wood(canvas, rng, SIDE - pick(rng, 0, 24), 2, pick(rng, 40, 80))


def forest(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a wood from inside, or from outside, perhaps with mountains behind it."""
    horizon = pick(rng, 10, 120)
    sky(canvas, rng, horizon)
    if chance(rng, 35):
        trunks(canvas, rng)
        return
    if chance(rng, 30):
        mountains(canvas, rng, horizon + 24, pick(rng, 0, 60))
    canvas.paint(horizon + 10 <= yy, leaves(rng), GROUND, 128 + canvas.grain // 2)
    wood(canvas, rng, horizon, pick(rng, 3, 6), pick(rng, 70, 150))


def sea(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint open water to the horizon, perhaps with land behind it, a shore in front, a sail."""
    horizon = pick(rng, 40, 130)
    sky(canvas, rng, horizon)
    if chance(rng, 40):
        line, haze = skyline(rng, horizon - pick(rng, 10, 45), 70, pick(rng, 1, 3)), pick(rng, 40, 180)
        canvas.paint((line <= yy) & (horizon > yy), tint(rng, STONE), ROCK, 128 + canvas.grain // 2, haze)
    shore = np.full(SIDE, SIDE, np.int32)
    if chance(rng, 50):
        shore = skyline(rng, pick(rng, 150, 185), 30, 1) + (xx[0] - 96) * pick(rng, -40, 40) // 100
    water(canvas, rng, horizon, shore)
    rocky, bumps = chance(rng, 40), noise(rng, 12, 8)
    ground = ROCK if rocky else GROUND
    canvas.paint(shore <= yy, tint(rng, STONE if rocky else BEACH), ground, relief(bumps, 6 if rocky else 1))
    canvas.paint(abs(yy - shore + bumps // 6) < pick(rng, 2, 5), (236, 238, 236), WATER)
    if chance(rng, 25):
        aside, height = xx - pick(rng, 20, SIDE - 20), pick(rng, 8, 30)
        up = horizon + pick(rng, 2, 20) - yy
        canvas.paint((up > 2) & (aside >= 0) & (aside * 2 < height - up), (240, 238, 230), WATER)
        canvas.paint((up >= 0) & (up <= 2) & (abs(aside) < height // 2), (90, 60, 50), WATER)


def classes_shown(layers: np.ndarray) -> list[str]:
    """Return the classes that a picture with these layers shows, in the order of ``CLASSES``."""
    counts = np.bincount(layers.ravel(), minlength=ROAD + 1)
    return [name for name in CLASSES if counts[LAYER_OF_CLASS[name]] * SHOWN_FROM >= layers.size]


def render_scene(subject: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw and frame a scene.

    Args:
        subject: one of ``CLASSES``; it is always among the classes shown.

    Returns:
        pixels: (side, side, 3) uint8, RGB, with a side from 3/4 of ``SIDE`` to ``SIDE``.
        layers: (side, side) uint8, what each pixel shows (``SKY`` to ``ROAD`` of ``scenes.synthetic.canvas``).
    """
    while True:
        canvas = Canvas(rng)
        amount = pick(rng, *AMOUNT.get(subject, (0, 0)))
        if subject in ("mountain", "glacier"):
            alpine(canvas, rng, amount)
        elif subject in ("buildings", "street"):
            town(canvas, rng, amount)
        elif subject == "forest":
            forest(canvas, rng)
        else:
            sea(canvas, rng)
        pixels, layers = frame(canvas, rng)
        # The subject may be hidden behind something else: then draw another picture.
        if subject in classes_shown(layers):
            return pixels, layers
