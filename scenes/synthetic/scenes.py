"""Scenes drawn by code, from back to front: sky, ridges, ice, water, trees, facades, road.

Beside the colours a canvas keeps, for each pixel, the layer it shows, so that what a picture *contains* is
counted and not assumed. Two pairs of classes are hard on purpose, as they are in the real archive: a mountain
and a glacier are one drawing with more or less snow and ice, buildings and a street one drawing with more or
less road, and what there is to see of these overlaps. Colours say little: any light may fall on any scene.

Whatever reaches a pixel is integer arithmetic: the same seed gives the same bytes on any machine. Colours are
0..255 a channel, lengths are pixels of the canvas; a shade of 128 and a light of 256 leave a colour as it is.
"""

import numpy as np

SIDE = 192  # of the canvas; twice the demo's image size, so that shrinking it smooths the edges
yy, xx = np.mgrid[:SIDE, :SIDE].astype(np.int32)

# What a pixel shows. Sky and ground belong to no class.
SKY, GROUND, ROCK, ICE, WATER, TREES, FACADE, ROAD = range(8)
SHOWS = {"buildings": FACADE, "forest": TREES, "glacier": ICE, "mountain": ROCK, "sea": WATER, "street": ROAD}
CLASSES = tuple(SHOWS)
SHOWN_FROM = 12  # a class is contained from 1/12 of the pixels on, as much as a square of 28 of 96

# How much snow and ice, or road, of 100. The ranges of a pair touch and no more, but each part of a scene varies by
# itself, and so does the framing: what is seen of them overlaps, and there a good model makes most of its errors.
AMOUNT = {"mountain": (0, 50), "glacier": (50, 100), "buildings": (0, 50), "street": (50, 100)}

# Sky above, sky at the horizon, light on everything else (256: as painted).
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
# What things are made of, red green blue; PAINT is that of cars.
STONE = (122, 112, 104), (96, 100, 108), (134, 112, 84), (84, 92, 76), (110, 84, 72)
MEADOW = (112, 116, 62), (132, 116, 76), (96, 106, 72), (112, 104, 96)
FROZEN = (222, 234, 242), (188, 216, 236), (206, 208, 206), (170, 206, 222)
DEEP = (24, 74, 120), (20, 104, 116), (70, 88, 96), (44, 82, 70), (30, 44, 84)
BEACH = (206, 184, 142), (150, 138, 120), (104, 98, 92)
LEAVES = (44, 92, 44), (92, 134, 52), (30, 66, 50), (58, 76, 40), (70, 110, 50), (84, 110, 40), (58, 100, 64)
AUTUMN = (186, 108, 40), (160, 60, 40), (206, 160, 56), (150, 100, 66), (122, 112, 70), (44, 56, 66)
BARK = (70, 56, 46), (104, 96, 88), (46, 40, 40), (196, 194, 186)
WALLS = (160, 86, 66), (206, 186, 150), (150, 150, 148), (220, 214, 204), (96, 112, 130), (116, 84, 72)
GLASS = (52, 62, 76), (110, 134, 156), (36, 36, 40), (150, 170, 180)
PAVING = (150, 146, 140), (116, 114, 112), (96, 108, 70), (170, 158, 136)
ASPHALT = (84, 84, 88), (60, 60, 66), (124, 118, 112), (150, 132, 112)
PAINT = (170, 40, 40), (40, 60, 120), (200, 200, 204), (40, 40, 44), (210, 180, 60)


def pick(rng: np.random.Generator, low: int, high: int) -> int:
    """An integer from ``low`` to ``high``, both included."""
    return int(rng.integers(low, high + 1))


def chance(rng: np.random.Generator, percent: int) -> bool:
    return pick(rng, 0, 99) < percent


def tint(rng: np.random.Generator, colours, spread: int = 20) -> np.ndarray:
    """One of the colours, moved by up to ``spread`` a channel: (3,) int32."""
    moved = rng.integers(-spread, spread + 1, 3, np.int32) + colours[pick(rng, 0, len(colours) - 1)]
    return np.clip(moved, 0, 255)


def leaves(rng: np.random.Generator) -> np.ndarray:
    return tint(rng, AUTUMN if chance(rng, 50) else LEAVES)


def lerp(table: np.ndarray, count: int) -> np.ndarray:
    """Interpolate smoothly along the first axis: ``count`` rows from the first of ``table`` to the last, uint16."""
    at = np.arange(count) * ((len(table) - 1) << 8) // (count - 1)
    below = np.minimum(at >> 8, len(table) - 2)
    part = at - (below << 8)
    part = (part * part * (768 - 2 * part) >> 16).astype(np.uint16).reshape(-1, *[1] * (table.ndim - 1))
    return (table[below] * (256 - part) + table[below + 1] * part) >> 8  # 255 * 256 is the most, and fits


def noise(rng: np.random.Generator, down: int, across: int, octaves: int = 4) -> np.ndarray:
    """Clouds of numbers around 0, within -128..127, from ``down`` x ``across`` cells on: (SIDE, SIDE) int32."""
    total = np.zeros((SIDE, SIDE), np.uint16)
    for octave in range(octaves):
        cells = min(across << octave, SIDE) + 1, min(down << octave, SIDE) + 1
        grid = rng.integers(0, 256, cells, np.uint16)
        total += lerp(lerp(grid, SIDE).T, SIDE) >> (octave + 1)
    return total.astype(np.int32) - 128


def skyline(rng: np.random.Generator, top: int, height: int, cells: int) -> np.ndarray:
    """A wavy line: a y from ``top`` to ``top + height`` for each column, (SIDE,) int32."""
    total = np.full(SIDE, top, np.int32)
    for octave in range(4):
        total += lerp(rng.integers(0, height + 1, (cells << octave) + 1, np.uint16), SIDE) >> (octave + 1)
    return total


def relief(bumps: np.ndarray, strength: int) -> np.ndarray:
    """Shade of a rough surface lit from one side: (SIDE, SIDE) int32 around 128."""
    shade = np.full_like(bumps, 128)
    shade[2:, 3:] += (bumps[2:, 3:] - bumps[:-2, :-3]) * strength
    return np.clip(shade, 50, 215)


class Canvas:
    """A scene in the making: colours (3, SIDE, SIDE) int32, layers (SIDE, SIDE) uint8, and its light."""

    def __init__(self, rng: np.random.Generator):
        first, second = LIGHTS[rng.integers(0, len(LIGHTS), 2)]
        part = pick(rng, 0, 96)
        self.high, self.low, self.light = ((first * (256 - part) + second * part) >> 8).tolist()
        self.dark = sum(self.light) < 450
        self.pixels = np.zeros((3, SIDE, SIDE), np.int32)
        self.layers = np.zeros((SIDE, SIDE), np.uint8)
        self.grain = noise(rng, 24, 24, 3)

    def paint(self, mask, colour, layer: int, shade=128, haze: int = 0, lit: bool = True, area=np.s_[:]) -> None:
        """Paint where ``mask`` is true.

        Args:
            mask: bool, of the shape of ``area`` (index of a part of the canvas).
            colour: three channels, each a number or one for each pixel of ``area``.
            shade: 128 leaves the colour as it is; a number, or one for each pixel of ``area``.
            haze: 0..256, how far the colour of the horizon hides what is painted.
            lit: False for what glows by itself.
        """
        rows = np.flatnonzero(mask.any(1))
        if not len(rows):
            return
        rows = np.s_[rows[0] : rows[-1] + 1]  # most of what is painted is low: the rest need not be worked out
        mask, shade = mask[rows], shade[rows] if np.ndim(shade) else shade
        for channel, value in enumerate(colour):
            value = value[rows] if np.ndim(value) else int(value)
            value = np.minimum(value * (self.light[channel] if lit else 256) * shade >> 15, 255)
            value = (value * (256 - haze) + self.low[channel] * haze) >> 8
            np.copyto(self.pixels[channel][area][rows], value, where=mask, casting="same_kind")
        np.copyto(self.layers[area][rows], np.uint8(layer), where=mask)

    def blend(self, colour, part) -> None:
        """Let ``colour`` (three channels) cover what is there by ``part`` of 256, (SIDE, SIDE)."""
        for pixels, value in zip(self.pixels, colour, strict=True):
            pixels += (value - pixels) * part >> 8


def sky(canvas: Canvas, rng: np.random.Generator, horizon: int) -> None:
    """A gradient down to ``horizon``, perhaps stars, a sun or moon, clouds."""
    canvas.pixels += np.array(canvas.high, np.int32)[:, None, None]
    canvas.blend(canvas.low, np.minimum(yy * 256 // max(horizon, 32), 256))
    if canvas.dark:
        canvas.paint(rng.integers(0, 400, (SIDE, SIDE), np.int32) == 0, (225, 225, 210), SKY, lit=False)
    if chance(rng, 35):
        away = (xx - pick(rng, 10, SIDE - 10)) ** 2 + (yy - pick(rng, 10, max(horizon, 20))) ** 2
        glow = np.clip(160 - away * 160 // pick(rng, 800, 4000), 0, 255)
        canvas.blend((255, 246, 215), np.where(away < pick(rng, 30, 120), 256, glow))
    if chance(rng, 70):
        clouds, white = noise(rng, pick(rng, 3, 8), pick(rng, 1, 4)), pick(rng, -65, 45)
        cover = np.clip((clouds + pick(rng, -20, 35)) * pick(rng, 3, 9), 0, pick(rng, 120, 250))
        canvas.blend([np.clip(low + white + clouds // 2, 0, 255) for low in canvas.low], cover)


def ridge(canvas: Canvas, rng: np.random.Generator, top: int, foot: int, cover: int, stone, grass, haze: int) -> None:
    """A chain of peaks from ``top`` at the highest down to ``foot``, with snow on ``cover`` of 100 of it."""
    count = pick(rng, 1, 5)
    middle = np.sort(rng.integers(-20, SIDE + 20, count, dtype=np.int32))
    summit = top + rng.integers(0, (foot - top) // 2 + 1, count, dtype=np.int32)
    summit[pick(rng, 0, count - 1)] = top
    slope = rng.integers(25, 110, count, dtype=np.int32)
    bumps, gullies = noise(rng, 6, 6), noise(rng, 3, 16, 3)
    falls = summit[:, None] + abs(xx[0] - middle[:, None]) * slope[:, None] // 100
    peak = falls.argmin(0)
    line = np.minimum(falls.min(0), foot - 6) + skyline(rng, -8, 16, 6)
    # Each peak has a lit and a dark face, parted by a crest that wanders down from the summit.
    crest = middle[peak] + bumps * 2 // 3
    shade = np.where(xx < crest, 146, 96) + (relief(bumps, 3) - 128) // 2 + gullies // 8
    mask = (line <= yy) & (foot > yy)
    high = yy + bumps // 3 + gullies // 24
    meadow = high > foot - (foot - top) * pick(rng, 0, 40) // 100
    canvas.paint(mask, np.where(meadow, grass[:, None, None], stone[:, None, None]), ROCK, shade, haze)
    snow = mask & (high + gullies // 2 < top + (foot + 20 - top) * cover // 100) & (gullies < 20 + cover)
    canvas.paint(snow, (238, 242, 248), ROCK, np.minimum(shade // 2 + 60, 136), haze)


def mountains(canvas: Canvas, rng: np.random.Generator, foot: int, cover: int) -> None:
    """Up to three ridges, one before the other, the far ones in haze."""
    stone, grass = tint(rng, STONE, 30), tint(rng, MEADOW)
    top, count, haze = pick(rng, foot // 12, foot // 2), pick(rng, 1, 3), pick(rng, 0, 170)
    for number in range(count):
        ridge(canvas, rng, top, foot, cover, stone, grass, haze * (count - 1 - number) // 2)
        top += (foot - top) * pick(rng, 25, 55) // 100


def glacier(canvas: Canvas, rng: np.random.Generator, foot: int, amount: int) -> None:
    """Ice for ``amount`` of 100: a tongue that comes down the valley, or a field that ends in a wall."""
    if amount <= 0:
        return
    bumps, cracks = noise(rng, 6, 5), noise(rng, 5, 30, 2)
    middle = pick(rng, 20, SIDE - 20) + skyline(rng, -60, 120, 1)[:, None]
    end = np.full(SIDE, SIDE, np.int32)
    if chance(rng, 50):
        source = foot - 4 - pick(rng, 20, 80) * amount // 75
        half = 4 + (yy - source) * (14 + amount * pick(rng, 12, 16) // 10) // 100 + bumps // 5
        top = np.full(SIDE, source)
    else:
        half = np.full_like(yy, SIDE)
        top = SIDE - 10 - amount * pick(rng, 11, 14) // 10 + skyline(rng, -14, 28, 5)
    if chance(rng, 40):  # it ends before the picture does
        end = SIDE - pick(rng, 0, amount // 2) + skyline(rng, -8, 16, 3)
    mask = (top < yy) & (end > yy) & (abs(xx - middle) < half)
    wall = mask & (yy > end - (end - top) * pick(rng, 15, 80) // 100) & (end < SIDE)
    # Crevasses run across the flow and come apart towards us; moraines run along it; the wall is cracked upright.
    flow = (yy * yy // 96 + (xx - middle) ** 2 // pick(rng, 150, 400) + bumps // 2) % pick(rng, 12, 26)
    along = (xx - middle) * 128 // np.maximum(half, 1) + bumps // 6
    ice, shade = tint(rng, FROZEN, 12), np.clip(relief(bumps, 4) // 2 + 70, 100, 142)
    canvas.paint(mask, ice, ICE, shade)
    canvas.paint(mask & (flow < 4) & (cracks < pick(rng, -10, 40)), ice - (70, 34, 8), ICE, shade)
    canvas.paint(mask & ((along + 200) % 90 < pick(rng, -4, 9)), tint(rng, STONE), ICE, 124)
    canvas.paint(wall, ice - (34, 12, 2), ICE, 122 + cracks // 3)
    canvas.paint(wall & (cracks < -22), ice - (90, 44, 12), ICE)


def water(canvas: Canvas, rng: np.random.Generator, horizon: int, shore) -> None:
    """Water from the row ``horizon`` down to ``shore``, which mirrors what stands above it."""
    waves = noise(rng, 24, 6, 3) + 16
    below = np.maximum(yy - horizon, 0)
    # Perspective: waves come closer together towards the horizon, and lie longer across it.
    swell = waves[(6000 // (below + 12)) % SIDE, xx * (300 - below) // 300]
    mirrored = np.clip(2 * horizon - yy + swell * below // 128, 0, horizon - 1)
    shine = np.clip(pick(rng, 60, 190) - below // 2 + swell, 0, 230)
    deep, mask = tint(rng, DEEP), (horizon <= yy) & (shore > yy)
    mixed = []
    for pixels, own, light in zip(canvas.pixels, deep, canvas.light, strict=True):
        own = min(own * light >> 8, 255)
        mixed.append(np.clip(own + ((pixels[mirrored, xx] - own) * shine >> 8) + swell // 2, 0, 255))
    canvas.paint(mask, mixed, WATER, lit=False)
    if chance(rng, 45):
        canvas.paint(mask & (swell > pick(rng, 26, 44)) & (below > 8), (228, 234, 236), WATER)


def tree(canvas: Canvas, rng, x: int, foot: int, height: int, colour, conifer: bool, haze: int = 0) -> None:
    """A tree on the point (x, foot): tiers for a conifer, else a crown of round clumps, and a trunk."""
    top, reach = foot - height, max(height * 2 // 5, 2)
    area = np.s_[max(top, 0) : max(min(foot, SIDE), 0), max(x - reach, 0) : max(x + reach, 0)]
    down, aside = yy[area] - top, xx[area] - x
    if not down.size:
        return
    if conifer:
        tier = max(height // pick(rng, 4, 7), 2)
        width = (down // tier * tier // 2 + down % tier) * reach // height + 1 + canvas.grain[area] // 40
        crown = (abs(aside) < width) & (down < height * 9 // 10)
        shade = 88 + 50 * (aside < 0) + down % tier * 30 // tier
    else:
        crown, shade = np.zeros(down.shape, bool), np.zeros(down.shape, np.int32)
        for size, left, up in rng.integers((11, -55, 18), (21, 56, 56), (9, 3)) * (height, reach, height) // 100:
            across, over = aside - left, down - up
            clump = across * across + over * over <= size * size
            crown |= clump
            shade[clump] = (118 - (across + over) * 30 // (size + 1))[clump]
    canvas.paint((abs(aside) <= height // 28) & (down > height // 2), (72, 54, 42), TREES, 128, haze, area=area)
    canvas.paint(crown, colour, TREES, shade + canvas.grain[area] // 3, haze, area=area)


def wood(canvas: Canvas, rng: np.random.Generator, first: int, rows: int, scale: int) -> None:
    """Rows of trees from the row ``first`` to the bottom, the near ones tall: ``scale`` of 100."""
    colours, conifer = [leaves(rng)] * 3 + [leaves(rng)], chance(rng, 50)
    for row in range(rows):
        foot = first + (SIDE + 30 - first) * (row + 1) // rows
        height = max((26 + (foot - first) * 2 // 3) * scale // 100, 10)
        step = max(height * pick(rng, 30, 50) // 100, 6)
        for x in range(-pick(rng, 0, step), SIDE + step, step):
            size, jolt = height * pick(rng, 75, 120) // 100, pick(rng, -step // 3, step // 3)
            kind = conifer ^ chance(rng, 8)
            tree(canvas, rng, x + jolt, foot, size, tint(rng, colours, 12), kind, 110 * (rows - 1 - row) // rows)


def trunks(canvas: Canvas, rng: np.random.Generator) -> None:
    """Inside a wood: leaves above, ground below, and trunks before both."""
    floor, clouds = pick(rng, 90, 170), noise(rng, 8, 8)
    canvas.paint(floor + clouds // 4 > yy, leaves(rng), TREES, np.clip(128 + clouds + canvas.grain, 30, 240))
    canvas.paint(floor + clouds // 4 <= yy, leaves(rng), GROUND, 138 + canvas.grain // 2)
    bark, count = tint(rng, BARK, 14), pick(rng, 6, 16)
    for number in range(count):
        near = 100 * (number + 1) // count
        half, foot = 1 + near * pick(rng, 4, 10) // 100, floor + (SIDE - floor) * near // 110
        aside = xx - pick(rng, 0, SIDE) - (yy - foot) * pick(rng, -12, 12) // 100
        shade = 128 - aside * 60 // (half + 1) + canvas.grain // 2
        canvas.paint((abs(aside) <= half) & (foot > yy), bark, TREES, shade, 90 - near * 9 // 10)


def facades(canvas: Canvas, rng: np.random.Generator, house, mask, down, across, haze: int) -> None:
    """Walls with windows.

    Args:
        house: (SIDE,) number of the house in each column.
        down, across: (SIDE, SIDE) and (SIDE,), in 1/256 of a window: what perspective there is, is in these.
    """
    houses = int(house.max()) + 1
    wall, glass = ([tint(rng, colours) for _ in range(houses)] for colours in (WALLS, GLASS))
    wall, glass = (np.array(colours)[house].T[:, None] for colours in (wall, glass))
    wide, tall = rng.integers(90, 200, (2, houses), np.int32)[:, house]
    pane = (across % 256 < wide) & (down % 256 < tall) & (down >= 0)
    canvas.paint(mask, np.where(pane, glass, wall), FACADE, np.where(pane, 128, 134 - 30 * (down % 256 < 24)), haze)
    # A hash of its row and column decides whether a window is lit, as only that is the same all over a pane.
    lit = ((across >> 8) * 7349 + (down >> 8) * 3571 + house * 31) % 97 < (45 if canvas.dark else pick(rng, 0, 12))
    canvas.paint(mask & pane & lit, (250, 214, 130), FACADE, 128, haze, lit=False)


def town(canvas: Canvas, rng: np.random.Generator, paved: int) -> None:
    """Houses about a road in perspective, which takes ``paved`` of 100 of the room there could be for it."""
    horizon, vanish = SIDE - 14 - paved + pick(rng, -5, 5), pick(rng, 40, SIDE - 40)
    half = 20 + paved * 9 // 10 + pick(rng, -6, 6)  # of the road, at the bottom edge
    kerb, drop = half + pick(rng, 8, 30), SIDE - horizon
    sky(canvas, rng, horizon)
    canvas.paint(horizon <= yy, tint(rng, PAVING), GROUND, 128 + canvas.grain // 4)
    # Houses seen from the front, behind the end of the road.
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
    # Houses along the road: their feet and roofs run to the point where the road vanishes.
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


def road(canvas: Canvas, rng: np.random.Generator, horizon: int, vanish: int, half: int, cars: int) -> None:
    """A road with lines and cars from the bottom edge, ``half`` to each side there, to where it vanishes."""
    drop, below, aside = SIDE - horizon, yy - horizon, abs(xx - vanish)
    edge = half * below // drop
    mask = (below > 0) & (aside <= edge)
    canvas.paint(mask, tint(rng, ASPHALT, 12), ROAD, 128 + canvas.grain // 3)
    dashed = pick(rng, 24, 60) * 256 // np.maximum(below, 1) % 256 < pick(rng, 90, 256)
    lines = (dashed & (aside * 24 <= edge)) | (aside > edge * 92 // 100)
    canvas.paint(mask & lines & (below > 3), tint(rng, ((226, 226, 220), (220, 190, 80)), 10), ROAD)
    for depth in sorted(rng.integers(20, 85, cars).tolist()):
        size = max(half * depth // 330, 2)
        across = abs(xx - vanish - (1 - 2 * pick(rng, 0, 1)) * half * depth // 200)
        up = (horizon + drop * depth // 100 - yy) * 8 // size  # in eighths, as the measures of the car
        across = across * 8 // size
        body = tint(rng, PAINT)
        canvas.paint((across <= 8) & (up >= 0) & (up < 8), body, ROAD)
        canvas.paint((across <= 6) & (up >= 8) & (up < 12), body, ROAD, 70)
        canvas.paint((across >= 5) & (across <= 8) & (up >= 4) & (up < 6), (230, 50, 40), ROAD, lit=False)
        canvas.paint((across >= 4) & (across <= 8) & (up >= -2) & (up < 0), (20, 20, 20), ROAD)


def alpine(canvas: Canvas, rng: np.random.Generator, cover: int) -> None:
    """Ridges with snow and ice for ``cover`` of 100; at their foot ice, water, a meadow or trees."""
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
    """Trees from inside, or from outside with what stands behind them."""
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
    """Open water to the horizon, perhaps with land behind, a shore in front, a sail."""
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


def frame(canvas: Canvas, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What the photographer does: framing, mirroring, white balance, exposure, contrast."""
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


def classes_shown(layers: np.ndarray) -> list[str]:
    """The classes that a picture with these layers shows, in the order of ``CLASSES``."""
    counts = np.bincount(layers.ravel(), minlength=ROAD + 1)
    return [name for name in CLASSES if counts[SHOWS[name]] * SHOWN_FROM >= layers.size]


def render_scene(subject: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw and frame a scene.

    Args:
        subject: one of ``CLASSES``; it is among what the picture contains.

    Returns:
        pixels: (side, side, 3) uint8, RGB, with a side from 3/4 of ``SIDE`` to ``SIDE``.
        layers: (side, side) uint8, what each pixel shows (``SKY`` ... ``ROAD``).
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
        # What the picture is of may have come to stand behind something else: then draw another.
        if subject in classes_shown(layers):
            return pixels, layers
