"""Confidence intervals of a mean over images, by the bootstrap."""

import numpy as np

RESAMPLES = 100_000
SEED = 0


def mean_interval(values: np.ndarray, level: float = 0.95) -> dict[str, float]:
    """Return ``low`` and ``high``: the percentile bootstrap interval of the mean of ``values``.

    Images with the same value are interchangeable. So a multinomial draws how often each value occurs in a resample,
    not which images do: the distribution is that of ``scipy.stats.bootstrap``, with a hundred thousand resamples in
    milliseconds. The seed is fixed: the same values give the same interval. If all values are equal, the interval has
    no width and says nothing.

    Args:
        values: (n,), n > 0, with few distinct values, such as whether each answer is correct.
        level: share of resamples whose mean is inside the interval.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    occurrences = np.random.default_rng(SEED).multinomial(len(values), counts / len(values), size=RESAMPLES)
    low, high = np.quantile(occurrences @ distinct / len(values), [(1 - level) / 2, (1 + level) / 2])
    return {"low": float(low), "high": float(high)}
