"""Outputs that are whole or absent: write beside the target, then rename."""

import shutil
from contextlib import contextmanager
from pathlib import Path


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(*targets: str | Path, folder: bool = False):
    """Yield a temporary path beside each target; on success rename them into place, on failure leave nothing.

    Args:
        targets: final paths, files or (with ``folder=True``) folders; their parents are created.
        folder: the temporary paths are created as empty folders.

    Yields:
        One ``Path`` for one target, else a list of them in the same order. The temporary name keeps
        the target's suffixes, because Keras and matplotlib choose a format by them.
    """
    finals = [Path(target) for target in targets]
    temporaries = [final.with_name(f".tmp-{final.name}") for final in finals]
    for temporary in temporaries:
        _remove(temporary)
        temporary.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            temporary.mkdir()
    try:
        yield temporaries[0] if len(temporaries) == 1 else temporaries
        for temporary, final in zip(temporaries, finals, strict=True):
            _remove(final)
            temporary.rename(final)
    finally:
        for temporary in temporaries:
            _remove(temporary)
