"""Parts of messages."""

from collections.abc import Iterable


def shortened(texts: Iterable[str], shown: int = 5) -> str:
    """Return the first texts and how many more there are: ``a, b, c and 1,200 more``."""
    texts = list(texts)
    more = f" and {len(texts) - shown:,} more" if len(texts) > shown else ""
    return ", ".join(texts[:shown]) + more
