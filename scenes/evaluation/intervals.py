"""95 % intervals: how far other images like these may move a score. None is without width at 100 % right."""

import numpy as np

LEVEL = 0.95
RESAMPLES = 1000
SEED = 0


def share(right: int, count: int) -> dict[str, float]:
    """Return ``low`` and ``high``: Wilson's interval of a share of images, such as an accuracy or a recall.

    Args:
        right: number of images that count, at most ``count``.
        count: number of images, at least 1.

    Source: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953; for few images or a share near 1 recommended by
    Brown, Cai & DasGupta 2001, https://doi.org/10.1214/ss/1009213286.
    """
    from scipy.stats import binomtest

    interval = binomtest(int(right), int(count)).proportion_ci(LEVEL, method="wilson")
    return {"low": float(interval.low), "high": float(interval.high)}


def paired_difference(only_a: int, only_b: int, count: int) -> dict[str, float]:
    """Return ``low`` and ``high``: the interval of the difference of two shares of the same images, a minus b.

    Args:
        only_a, only_b: numbers of images that count only for a, or only for b.
        count: number of images, at least 1.

    Source: Bonett & Price 2012, adjusted Wald interval, https://doi.org/10.3102/1076998611411915.
    """
    from scipy.stats import norm

    share_a, share_b = (only_a + 1) / (count + 2), (only_b + 1) / (count + 2)
    difference = share_a - share_b
    error = np.sqrt((share_a + share_b - difference**2) / (count + 2))
    margin = norm.ppf((1 + LEVEL) / 2) * error
    return {"low": float(max(difference - margin, -1)), "high": float(min(difference + margin, 1))}


def stratified_mean(values: np.ndarray, classes: np.ndarray) -> dict[str, float]:
    """Return ``low`` and ``high``: the percentile bootstrap interval of a mean over images, such as a crossentropy.

    Each resample has as many images of each class as there are. The seed is fixed: the same values give the same
    interval.

    Args:
        values: float (n,), n > 0.
        classes: int (n,), the class of each image.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 8 and 13.
    """
    values = values[np.argsort(classes, kind="stable")]
    sizes = np.bincount(classes)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)  # of the class of each image
    size = np.repeat(sizes, sizes)
    rng = np.random.default_rng(SEED)
    means = [values[first + (rng.random(len(values)) * size).astype(int)].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"low": float(low), "high": float(high)}
