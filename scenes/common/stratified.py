"""A stratified sample: of each class the same share, evenly spread over its images."""

import numpy as np


class StratifiedSample:
    """Chooses about ``size`` of the images of a data set, which may come in parts. All, if there are no more.

    Of each class it takes the same share, rounded up, so that every class keeps an image: at most ``size`` and one for
    each class together. No generator is involved: in records, whose order is that of a hash, evenly spread images are
    random ones.
    """

    def __init__(self, per_class: np.ndarray, size: int) -> None:
        """Begin a pass over a data set that has ``per_class`` images, int (k,)."""
        total = int(per_class.sum())
        self._counts = np.asarray(per_class, np.int64)
        self._wanted = self._counts if total <= size else -(-self._counts * size // total)
        self._seen = np.zeros_like(self._counts)

    def mask(self, labels: np.ndarray) -> np.ndarray:
        """Return which of the next images are in the sample, bool (n,), by their ``labels``, int (n,)."""
        order = np.argsort(labels, kind="stable")
        counts = np.bincount(labels, minlength=len(self._seen))
        place = np.empty(len(labels), np.int64)  # of each image in its class
        place[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
        place += self._seen[labels]
        self._seen += counts
        wanted, count = self._wanted[labels], self._counts[labels]
        return (place + 1) * wanted // count > place * wanted // count
