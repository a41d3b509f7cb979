"""What scenes are made of: sky, mountains, ice, water, trees, houses and roads, each painted on a canvas."""

import numpy as np

from scenes.synthetic.canvas import (
    FACADE,
    GROUND,
    ICE,
    ROAD,
    ROCK,
    SIDE,
    SKY,
    TREES,
    WATER,
    Canvas,
    Colour,
    Values,
    chance,
    noise,
    pick,
    relief,
    skyline,
    tint,
    xx,
    yy,
)

# Materials in red, green, blue; PAINT is for cars.
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


def leaves(rng: np.random.Generator) -> np.ndarray:
    """Return a colour of leaves, green or autumnal: (3,) int32."""
    return tint(rng, AUTUMN if chance(rng, 50) else LEAVES)


def sky(canvas: Canvas, rng: np.random.Generator, horizon: int) -> None:
    """Paint a gradient down to ``horizon``, perhaps with stars, a sun or moon, and clouds."""
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


def ridge(
    canvas: Canvas,
    rng: np.random.Generator,
    top: int,
    foot: int,
    cover: int,
    stone: np.ndarray,
    grass: np.ndarray,
    haze: int,
) -> None:
    """Paint a chain of peaks, the highest at ``top``, down to ``foot``; snow covers about ``cover`` percent of it."""
    count = pick(rng, 1, 5)
    middle = np.sort(rng.integers(-20, SIDE + 20, count, dtype=np.int32))
    summit = top + rng.integers(0, (foot - top) // 2 + 1, count, dtype=np.int32)
    summit[pick(rng, 0, count - 1)] = top
    slope = rng.integers(25, 110, count, dtype=np.int32)
    bumps, gullies = noise(rng, 6, 6), noise(rng, 3, 16, 3)
    falls = summit[:, None] + abs(xx[0] - middle[:, None]) * slope[:, None] // 100
    peak = falls.argmin(0)
    line = np.minimum(falls.min(0), foot - 6) + skyline(rng, -8, 16, 6)
    # Each peak has a lit and a dark face, divided by a crest that wanders down from the summit.
    crest = middle[peak] + bumps * 2 // 3
    shade = np.where(xx < crest, 146, 96) + (relief(bumps, 3) - 128) // 2 + gullies // 8
    mask = (line <= yy) & (foot > yy)
    high = yy + bumps // 3 + gullies // 24
    meadow = high > foot - (foot - top) * pick(rng, 0, 40) // 100
    canvas.paint(mask, np.where(meadow, grass[:, None, None], stone[:, None, None]), ROCK, shade, haze)
    snow = mask & (high + gullies // 2 < top + (foot + 20 - top) * cover // 100) & (gullies < 20 + cover)
    canvas.paint(snow, (238, 242, 248), ROCK, np.minimum(shade // 2 + 60, 136), haze)


def mountains(canvas: Canvas, rng: np.random.Generator, foot: int, cover: int) -> None:
    """Paint up to three ridges, one in front of the other, the far ones in haze."""
    stone, grass = tint(rng, STONE, 30), tint(rng, MEADOW)
    top, count, haze = pick(rng, foot // 12, foot // 2), pick(rng, 1, 3), pick(rng, 0, 170)
    for number in range(count):
        ridge(canvas, rng, top, foot, cover, stone, grass, haze * (count - 1 - number) // 2)
        top += (foot - top) * pick(rng, 25, 55) // 100


def glacier(canvas: Canvas, rng: np.random.Generator, foot: int, amount: int) -> None:
    """Paint about ``amount`` percent of ice: a tongue down the valley, or a field that ends in a wall."""
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
    if chance(rng, 40):  # it ends inside the picture
        end = SIDE - pick(rng, 0, amount // 2) + skyline(rng, -8, 16, 3)
    mask = (top < yy) & (end > yy) & (abs(xx - middle) < half)
    wall = mask & (yy > end - (end - top) * pick(rng, 15, 80) // 100) & (end < SIDE)
    # Crevasses run across the flow, wider apart in front; moraines run along it; cracks in the wall are vertical.
    flow = (yy * yy // 96 + (xx - middle) ** 2 // pick(rng, 150, 400) + bumps // 2) % pick(rng, 12, 26)
    along = (xx - middle) * 128 // np.maximum(half, 1) + bumps // 6
    ice, shade = tint(rng, FROZEN, 12), np.clip(relief(bumps, 4) // 2 + 70, 100, 142)
    canvas.paint(mask, ice, ICE, shade)
    canvas.paint(mask & (flow < 4) & (cracks < pick(rng, -10, 40)), ice - (70, 34, 8), ICE, shade)
    canvas.paint(mask & ((along + 200) % 90 < pick(rng, -4, 9)), tint(rng, STONE), ICE, 124)
    canvas.paint(wall, ice - (34, 12, 2), ICE, 122 + cracks // 3)
    canvas.paint(wall & (cracks < -22), ice - (90, 44, 12), ICE)


def water(canvas: Canvas, rng: np.random.Generator, horizon: int, shore: Values) -> None:
    """Paint water that mirrors what is above it, from the row ``horizon`` to ``shore``: one row, or one per column."""
    waves = noise(rng, 24, 6, 3) + 16
    below = np.maximum(yy - horizon, 0)
    # Perspective: towards the horizon, waves are closer together and longer.
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


def tree(
    canvas: Canvas,
    rng: np.random.Generator,
    x: int,
    foot: int,
    height: int,
    colour: Colour,
    conifer: bool,
    haze: int = 0,
) -> None:
    """Paint a tree at the point (x, foot): a trunk, and tiers for a conifer, else a crown of round clumps."""
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
    """Paint rows of trees from the row ``first`` to the bottom, the near ones taller; ``scale`` is in percent."""
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
    """Paint the inside of a wood: leaves above, ground below, trunks in front."""
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


def facades(
    canvas: Canvas,
    rng: np.random.Generator,
    house: np.ndarray,
    mask: np.ndarray,
    down: np.ndarray,
    across: np.ndarray,
    haze: int,
) -> None:
    """Paint walls with windows.

    Args:
        house: (SIDE,) number of the house in each column.
        down, across: (SIDE, SIDE) and (SIDE,), coordinates in 1/256 of a window; they contain the perspective.
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


def road(canvas: Canvas, rng: np.random.Generator, horizon: int, vanish: int, half: int, cars: int) -> None:
    """Paint a road with lines and cars from the bottom edge, ``half`` to each side there, to (vanish, horizon)."""
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
