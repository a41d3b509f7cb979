"""The libraries that results depend on: with other versions, the same shard may give other bytes."""

from functools import cache
from importlib import metadata

_DECODERS = ("pillow", "pi-heif", "simplejpeg")
_NUMERICS = ("numpy", "scipy", "scikit-learn", "tensorflow", "keras")


def library_versions() -> dict[str, str]:
    """Return the versions of the numerics and decoders by name; "none" if one is not installed."""
    return _versions(_DECODERS + _NUMERICS)


def decoder_versions() -> dict[str, str]:
    """Return those of the decoders alone.

    The requirements give every Python the same, but not the same numerics.
    """
    return _versions(_DECODERS)


@cache
def _versions(names: tuple[str, ...]) -> dict[str, str]:
    installed = {name: [each.version for each in metadata.distributions(name=name)] for name in names}
    return {name: versions[0] if versions else "none" for name, versions in installed.items()}
