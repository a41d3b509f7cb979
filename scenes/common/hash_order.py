"""An order by hash: it depends on a seed and the names alone, not on the order in which they are listed."""

import hashlib


def hash_rank(seed: int, name: str | bytes) -> bytes:
    """Return the rank of ``name``, 32 bytes: sort by it for an order that looks random and is always the same."""
    name = name.encode() if isinstance(name, str) else name
    return hashlib.sha256(b"%d:%s" % (seed, name)).digest()
