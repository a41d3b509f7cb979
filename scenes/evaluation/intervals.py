"""How far a mean over the images at hand may be from the mean over others like them."""

import numpy as np

RESAMPLES = 100_000
SEED = 0


def mean_interval(values: np.ndarray, level: float = 0.95) -> dict[str, float]:
    """Return ``low`` and ``high``: the percentile bootstrap interval of the mean of ``values``.

    Images of the same value are alike, so how often each value occurs in a resample is drawn (a multinomial), not which
    images do: the distribution is that of ``scipy.stats.bootstrap``, with a hundred thousand resamples in
    milliseconds. Seeded: the same values give the same interval. Where all values are equal, it has no width and says
    nothing.

    Args:
        values: (n,), n > 0, of few distinct values, such as whether each answer is right.
        level: share of resamples whose mean lies within.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    drawn = np.random.default_rng(SEED).multinomial(len(values), counts / len(values), size=RESAMPLES)
    low, high = np.quantile(drawn @ distinct / len(values), [(1 - level) / 2, (1 + level) / 2])
    return {"low": float(low), "high": float(high)}
