"""Whether two images are one picture: compared at the resolution they have, with one cropped to what the other shows.

The measure is the local structure of SSIM: the correlation of two grey pictures within small windows (Wang, Bovik,
Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004). Its mean over
the picture would hardly notice another digit or another playing card, so the windows that agree least decide. How
similar is similar enough depends on what else is known: see :class:`Comparison`.

The limits are between what was measured on copies of photographs (compressed at a quality of 30 to 95, scaled by 0.5 to
2, brighter, darker, cropped by 2 to 10 %) and on digits, playing cards and X-rays that are not copies.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from scenes.duplicates.perceptual_hash import WHOLE, Box

SIDE = 128  # at which pictures are compared, unless they are smaller
_SMALLEST_SIDE = 16  # smaller pictures have too few pixels to tell

# The sides at which the crop is looked for, from coarse to fine, and the steps at each.
_LEVELS = ((32, 3), (64, 3))
_LARGEST_CROP = 0.15  # of the side, at each edge
_LARGEST_STEP = 0.03
_LIMITS = (0, 0, 1 - _LARGEST_CROP, 1 - _LARGEST_CROP), (_LARGEST_CROP, _LARGEST_CROP, 1, 1)
_HOPELESS = 0.6  # correlation of the pictures at a level
_UNLIKE = 0.8  # the median of their windows; 0.86 or more for copies and for shots of one scene
_STRETCH = 1.05  # of one side relative to the other: edges cropped by 1 to 3 % each, then resized to the old shape
_SAME_VIEW = 0.01  # of the side: how far an edge may seem to be from its place

# Variances in squared grey levels. Noise and compression change a window by so much:
_NOISE = 60.0
_DETAIL_NOISE = 2.0
_LEAST_DETAIL = 4.0  # standard deviation in grey levels, and
_DETAIL_SHARE = 0.1  # as a share of the contrast of the picture

_CHROMA_SIDE = 16
_GREY = 4  # the largest chroma of a grey picture, of 128


class Picture(NamedTuple):
    """What is compared of an image.

    Attributes:
        grey: uint8 (side, side), at most 128 pixels a side.
        chroma: uint8 (2, 16, 16), Cb and Cr.
        aspect: width divided by height of the image.
    """

    grey: np.ndarray
    chroma: np.ndarray
    aspect: float

    @classmethod
    def from_pixels(cls, pixels: np.ndarray) -> "Picture":
        """Reduce an image, uint8 (height, width, 3), to what is compared."""
        height, width = pixels.shape[:2]
        side = min(SIDE, height, width)
        image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR)
        chroma = image.resize((_CHROMA_SIDE, _CHROMA_SIDE), Image.Resampling.BOX).convert("YCbCr")
        return cls(np.asarray(image.convert("L")), np.moveaxis(np.asarray(chroma), -1, 0)[1:], width / height)

    def mirrored(self) -> "Picture":
        """Return the mirror image."""
        return Picture(self.grey[:, ::-1], self.chroma[..., ::-1], self.aspect)


class Comparison(NamedTuple):
    """How much two pictures agree. Correlations are those of windows, an eighth of the side wide unless stated.

    Attributes:
        least: the lowest correlation.
        least_of_small: the lowest correlation of windows of a sixteenth of the side.
        similarity: the lowest SSIM of these, which also sees a difference in contrast.
        detailed: the share of windows with fine detail in one of the pictures.
        agreeing: of these, the share whose detail has a correlation of 0.5 or more.
        median: the median correlation of the detail in these.
        contrast: the contrast of one picture divided by that of the other, at most 1.
        brightness: the difference of the mean grey levels.
        chroma: the largest difference of Cb or Cr, 0 if one of the pictures is grey.
        cropped: the largest share of a side that the second picture lacks at an edge.
    """

    least: float
    least_of_small: float
    similarity: float
    detailed: float
    agreeing: float
    median: float
    contrast: float
    brightness: float
    chroma: float
    cropped: float

    @property
    def same_view(self) -> bool:
        """Whether the pictures agree as they are, uncropped: the only sameness that counts under two labels."""
        return self.same_everywhere and self.cropped <= _SAME_VIEW

    @property
    def same_everywhere(self) -> bool:
        """Whether nothing differs that a label could be about, once one is cropped to what the other shows."""
        changed = self.contrast < 0.6 or self.brightness > 40 or self.chroma > 24
        return self.least >= 0.93 and self.similarity >= 0.75 and not changed

    @property
    def same_picture(self) -> bool:
        """Whether one is a copy of the other, perhaps strongly compressed, in other colours, scaled or cropped."""
        return self.same_everywhere or (self.least >= 0.85 and self.least_of_small >= 0.55)

    @property
    def same_scene(self) -> bool:
        """Whether they show one scene: copies with a caption, or shots from one place, moments apart.

        The detail says so, however bad the worst window. X-rays of different people may agree as much, so this counts
        only where images in general do not resemble each other; digits, cards and drawings have too little detail.
        """
        return self.same_picture or (self.detailed >= 0.25 and self.agreeing >= 0.6 and self.median >= 0.6)


def compare(first: Picture, second: Picture, box: Box = WHOLE, *, least: float = -1.0) -> Comparison | None:
    """Compare a picture with another that shows the whole of it, or about the part in ``box``.

    A crop keeps its proportions, or is stretched to those of the whole; another stretch makes two pictures different.

    Args:
        first, second: the pictures.
        box: the part of the first that the second shows.
        least: pictures count as different as soon as a window has a lower correlation; saves time.

    Returns:
        None if the two are obviously different, or too small to tell.
    """
    side = min(len(first.grey), len(second.grey))
    if side < _SMALLEST_SIDE:
        return None
    large, small = (Image.fromarray(picture.grey).convert("F") for picture in (first, second))
    position = np.array(box)
    for level, steps in _LEVELS:
        level = min(level, side)
        target = _resized(small, level)
        for _ in range(steps):
            left, top, right, bottom = position
            motion = edge_motions(_resized(large, level, position)[None], target[None])[0]
            step = motion * (right - left, bottom - top, right - left, bottom - top)
            position = np.clip(position + np.clip(step, -_LARGEST_STEP, _LARGEST_STEP), *_LIMITS)
        shown = _resized(large, level, position)
        if _correlation(shown, target) < _HOPELESS:
            return None
        windows = _Windows(_scaled(shown, target), target - target.mean(), level // 16).correlation(_NOISE)
        if windows.min() < least or np.median(windows) < _UNLIKE:
            return None
    stretch = (position[2] - position[0]) / (position[3] - position[1])
    if not any(1 / _STRETCH <= ratio <= _STRETCH for ratio in (stretch, stretch * first.aspect / second.aspect)):
        return None
    chroma = [_resized(Image.fromarray(plane).convert("F"), _CHROMA_SIDE, position) for plane in first.chroma]
    cropped = float(np.abs(position - WHOLE).max())
    return _measure(_resized(large, side, position), _resized(small, side), np.stack(chroma), second.chroma, cropped)


def _resized(image: Image.Image, side: int, box: np.ndarray | None = None) -> np.ndarray:
    """Return a part of a square picture as float64 (side, side)."""
    area = None if box is None else tuple((box * image.width).tolist())
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, area), np.float64)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).mean() / (np.sqrt((first**2).mean() * (second**2).mean()) + 1e-9))


def _scaled(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return a picture with the mean 0 and the contrast of another, so that noise counts alike in both."""
    return (values - values.mean()) * (like.std() / max(float(values.std()), 1e-9))


def edge_motions(shown: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Estimate how far the edges of pictures have to move for their content to resemble others: a step of Gauss-Newton.

    As in Lucas and Kanade, "An iterative image registration technique" (1981), with gain and offset as two more
    unknowns.

    Args:
        shown, target: float64 (pairs, side, side).

    Returns:
        float64 (pairs, 4): of left, top, right and bottom, as shares of the side.
    """
    count, side, _ = shown.shape
    down, across = np.gradient(shown, axis=(1, 2))
    right = (np.arange(side) + 0.5) / side  # how far each column, or row, is from the first edge to the second
    bottom = right[:, None]
    changes = (across * (1 - right), down * (1 - bottom), across * right, down * bottom, shown, np.ones_like(shown))
    jacobian = np.stack(changes, axis=1).reshape(count, len(changes), side**2)
    normal = jacobian @ jacobian.transpose(0, 2, 1)
    normal[:, range(4), range(4)] *= 1.01  # damped: a picture of stripes does not say how far to go along them
    normal += np.eye(len(changes))
    solution = np.linalg.solve(normal, jacobian @ target.reshape(count, side**2, 1))[..., 0]
    return solution[:, :4] / np.maximum(solution[:, 4:5], 0.2) / side


def _measure(
    first: np.ndarray, second: np.ndarray, chroma: np.ndarray, other_chroma: np.ndarray, cropped: float
) -> Comparison:
    """Compare two aligned pictures, float64 (side, side), and their chroma, (2, 16, 16)."""
    side, spread = len(first), float(second.std())
    contrasts = sorted((float(first.std()), spread))
    brightness = abs(float(first.mean() - second.mean()))
    first, second = _scaled(first, second), second - second.mean()
    large = _Windows(first, second, side // 16)
    small = _Windows(first, second, side // 32)
    blur = _blur(side)
    sharp, other_sharp = (values - blur @ values @ blur.T for values in (first, second))
    fine = _Windows(sharp, other_sharp, side // 16)
    detail = fine.correlation(_DETAIL_NOISE)[fine.largest_variance > max(_LEAST_DETAIL, _DETAIL_SHARE * spread) ** 2]
    coloured = min(np.abs(planes - 128.0).max() for planes in (chroma, other_chroma)) > _GREY
    return Comparison(
        least=float(large.correlation(_NOISE).min()),
        least_of_small=float(small.correlation(_NOISE).min()),
        similarity=float(small.similarity(_NOISE).min()),
        detailed=len(detail) / fine.largest_variance.size,
        agreeing=float((detail >= 0.5).mean()) if len(detail) else 0.0,
        median=float(np.median(detail)) if len(detail) else 0.0,
        contrast=contrasts[0] / max(contrasts[1], 1e-9),
        brightness=brightness,
        chroma=float(np.abs(chroma - other_chroma).max()) if coloured else 0.0,
        cropped=cropped,
    )


class _Windows:
    """Two pictures in overlapping windows of two by two blocks.

    Args:
        first, second: float64 (side, side).
        block: pixels a side; at least 2.
    """

    def __init__(self, first: np.ndarray, second: np.ndarray, block: int) -> None:
        average = _averages(len(first), max(block, 2))
        means = [average @ values @ average.T for values in (first, second, first**2, second**2, first * second)]
        self._variances = [np.maximum(means[2 + number] - means[number] ** 2, 0) for number in (0, 1)]
        self._covariance = means[4] - means[0] * means[1]

    @property
    def largest_variance(self) -> np.ndarray:
        """The larger variance of the two pictures, per window."""
        return np.maximum(*self._variances)

    def correlation(self, noise: float) -> np.ndarray:
        """Return SSIM's comparison of structure: 1 where both are flat."""
        first, second = self._variances
        return (self._covariance + noise) / np.sqrt((first + noise) * (second + noise))

    def similarity(self, noise: float) -> np.ndarray:
        """Return SSIM's comparison of contrast and structure."""
        return 2 * (self._covariance + noise) / (sum(self._variances) + 2 * noise)


@lru_cache
def _averages(side: int, block: int) -> np.ndarray:
    """Return what averages a line of pixels over windows of two blocks, a block apart: float64 (windows, side)."""
    blocks = side // block
    weights = np.zeros((blocks - 1, side))
    for number in range(blocks - 1):
        weights[number, number * block : (number + 2) * block] = 1 / (2 * block)
    return weights


@lru_cache
def _blur(side: int) -> np.ndarray:
    """Return what averages each pixel of a line with those around it, within a 14th of it: float64 (side, side)."""
    reach = max(side // 28, 1)
    distance = np.abs(np.subtract.outer(np.arange(side), np.arange(side)))
    near = (distance <= reach).astype(np.float64)
    return near / near.sum(axis=1, keepdims=True)
