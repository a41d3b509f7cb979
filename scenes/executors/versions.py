"""The libraries that results depend on: with other versions, the same shard may give other bytes."""

from importlib import metadata

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "pillow", "pi-heif", "simplejpeg", "tensorflow", "keras")


def library_versions() -> dict[str, str]:
    """Return the versions of the numerics and decoders by name; "none" if one is not installed."""
    installed = {name: [each.version for each in metadata.distributions(name=name)] for name in _LIBRARIES}
    return {name: versions[0] if versions else "none" for name, versions in installed.items()}
