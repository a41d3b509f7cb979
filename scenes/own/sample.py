"""What some of the pictures look like, by their headers: sizes, shapes and formats, in a second or two."""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from scenes.images.decode import ImageProblem, is_web_page, read_header
from scenes.images.formats import format_not_read

PICTURES = 300  # a share of them is known to 6 points
MOST_BYTES = 300_000_000  # read in all; the sample of large photos is smaller
FAR_FROM_SQUARE = 2.0  # long to short side: beyond it, the middle square is less than half of the picture


class Sample(NamedTuple):
    """What the headers say.

    Attributes:
        sizes: upright width and height in pixels.
        formats: how many have which format, by Pillow's name.
        turned: how many are turned or mirrored by their EXIF orientation.
        unreadable: paths of those without a readable header, web pages and formats that are not read included.
        web_pages: paths of those that are web pages, which failed downloads leave.
        not_read: by path, the format of those in one that is not read, see ``scenes.images.formats.format_not_read``.
    """

    sizes: Sequence[tuple[int, int]]
    formats: Counter[str]
    turned: int
    unreadable: Sequence[str]
    web_pages: Sequence[str]
    not_read: Mapping[str, str]

    @property
    def short_side(self) -> int:
        """Median length of the shorter side in pixels; 0 if no header could be read."""
        return int(statistics.median(map(min, self.sizes))) if self.sizes else 0

    @property
    def square_side(self) -> int:
        """Length of the side in pixels if more than half of them are squares of one size; else 0."""
        (width, height), count = max(Counter(self.sizes).items(), key=lambda item: item[1], default=((0, 0), 0))
        return width if width == height and 2 * count > len(self.sizes) else 0

    @property
    def size(self) -> tuple[int, int]:
        """Median width and median height in pixels; 0 if no header could be read."""
        width, height = (int(statistics.median(sides)) for sides in zip(*self.sizes or [(0, 0)], strict=True))
        return width, height

    @property
    def megapixels(self) -> float:
        """Mean number of pixels, in millions."""
        return statistics.fmean(math.prod(size) for size in self.sizes) / 1e6 if self.sizes else 0.0

    @property
    def far_from_square(self) -> float:
        """Share of those whose middle square is less than half of the picture."""
        far = sum(max(size) > FAR_FROM_SQUARE * min(size) for size in self.sizes)
        return far / len(self.sizes) if self.sizes else 0.0


def look_at(paths: Sequence[str], read: Callable[[str], bytes], unreadable: tuple[type[Exception], ...]) -> Sample:
    """Read the headers of some pictures, evenly spaced over ``paths``.

    Args:
        read: returns the bytes of a picture.
        unreadable: what it raises if it cannot.
    """
    step = max(1, len(paths) // PICTURES)
    sizes: list[tuple[int, int]] = []
    formats: Counter[str] = Counter()
    failed: list[str] = []
    web_pages: list[str] = []
    not_read: dict[str, str] = {}
    turned, left = 0, MOST_BYTES
    for path in paths[step // 2 :: step][:PICTURES]:
        if left <= 0:
            break
        try:
            data = read(path)
        except unreadable:
            failed.append(path)
            continue
        left -= len(data)
        try:
            header = read_header(data)
        except ImageProblem:
            failed.append(path)
            if is_web_page(data):
                web_pages.append(path)
            elif name := format_not_read(data):
                not_read[path] = name
            continue
        sizes.append((header.width, header.height))
        formats[header.format] += 1
        turned += header.orientation != 1
    return Sample(sizes, formats, turned, failed, web_pages, not_read)
