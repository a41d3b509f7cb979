"""Failures of the system, in one sentence each: a full disk, no permission, no memory, too many open files.

Libraries report them in classes and words of their own. They are recognised without importing any of them: h5py gives
its errors an errno, TensorFlow and the dynamic linker quote the system's message, NumPy counts what it could not write.
"""

import errno
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# Where more than this is free, a disk is not what is full: the errors that do not name a file are of small writes.
_FULL_BYTES = 1 << 24

_SENTENCES = {
    errno.ENOSPC: "",  # see `_full_disk`
    errno.EDQUOT: "the disk quota is used up; free some space and run again",
    errno.EROFS: "{path} is on a file system that is mounted read-only; mount it for writing, or use another disk",
    errno.EACCES: "permission denied for {path}; change the owner or the mode of it and of its folder",
    errno.EPERM: "operation not permitted on {path}; check the owner, the mode and the attributes of it and its folder",
    errno.EFBIG: "{path}: larger than the file system or a limit allows; raise it (`ulimit -f`), or use another disk",
    errno.EIO: "the disk failed to read or write {path}; check it, or use another disk",
    errno.ENFILE: "too many files are open on this machine; end other programs and run again",
    errno.EMFILE: "too many files are open in this process; raise the limit, e.g. `ulimit -n 4096`, and run again",
    errno.EAGAIN: "no further thread can be started; end other programs, or raise the limit (`ulimit -u`)",
    errno.ENOMEM: "out of memory; end other programs, or raise the limit if there is one (`ulimit -v`), and run again",
}
_NEED_A_PATH = {errno.EACCES, errno.EPERM, errno.EIO}  # without one, they may be about a socket
_HANDLED = {errno.EACCES, errno.EPERM}  # code may catch these, and fail for another reason

# Of TensorFlow's allocators, XLA and CUDA. Keras may wrap a layer's error in a RuntimeError that quotes it, and JAX has
# one class for all errors of XLA, so the text decides.
_OUT_OF_MEMORY = re.compile(
    "OOM when allocating|Out of memory while trying to allocate|CUDA_ERROR_OUT_OF_MEMORY|std::bad_alloc"
    "|failed to map segment from shared object"
)
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")  # numpy.ndarray.tofile
_NO_THREAD = "can't start new thread"  # the text of Python's RuntimeError
_NO_TEMPORARY_FOLDER = "No usable temporary directory found in"  # tempfile's FileNotFoundError
# h5py: "(unable to open file: name = 'x.h5', errno = ..."; TensorFlow: "{{node name}} x.tfrecord; No space left ...".
_NAMED = re.compile(r"name = '([^']+)'|^(?:\{\{.*\}\} )?([^;\n]+); ")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, of the machine or of its GPU."""
    return any(_code(each) == errno.ENOMEM for each, _ in _chain(error))


def describe(error: BaseException, *written: str | Path) -> str | None:
    """Return a sentence on what failed, where, and what to do; None if the system is not surely the cause.

    Args:
        error: the exception; what it was raised from or in the handling of is looked at, too.
        written: paths that were being written, for the errors that name no file.
    """
    for each, is_cause in _chain(error):
        if _NO_TEMPORARY_FOLDER in str(each):
            return "no folder takes temporary files; free some space, or set TMPDIR to one that may be written"
        code, path = _code(each), _path(each)
        if code is None or (code in _NEED_A_PATH and not path) or (code in _HANDLED and not is_cause):
            continue
        if code == errno.ENOSPC:
            return _full_disk(path, written)
        return _SENTENCES[code].format(path=path or _listed(written) or "a file")
    return None


def _chain(error: BaseException) -> Iterator[tuple[BaseException, bool]]:
    """Yield the exception and those behind it, each with whether it is the cause, not one that was being handled."""
    following: BaseException | None = error
    is_cause = True
    while following is not None:
        yield following, is_cause
        is_cause = is_cause and following.__cause__ is not None
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)


def _code(error: BaseException) -> int | None:
    """Return the errno of the failure that an exception reports, if it is one of those above."""
    text = str(error)
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(text):
        return errno.ENOMEM
    if isinstance(error, OSError):
        if _SHORT_WRITE.search(text):
            return errno.ENOSPC
        # EAGAIN is what a file or a lock says that is not ready.
        return error.errno if error.errno in _SENTENCES and error.errno != errno.EAGAIN else None
    if _NO_THREAD in text:
        return errno.EAGAIN
    if type(error).__module__.startswith("tensorflow.") or isinstance(error, ImportError):
        # The message of ENFILE begins like that of EMFILE and comes first.
        quoted = (code for code in _SENTENCES if os.strerror(code) in text)
        return next(quoted, errno.ENOMEM if type(error).__name__ == "ResourceExhaustedError" else None)
    return None


def _path(error: BaseException) -> str:
    """Return the file that an exception names, or an empty text."""
    if isinstance(error, OSError) and isinstance(error.filename, str | os.PathLike):
        return os.fspath(error.filename)
    match = _NAMED.search(str(error))
    return next(filter(None, match.groups()), "") if match else ""


def _full_disk(path: str, written: Sequence[str | Path]) -> str:
    """Say which disk is full: that of the path in the error, or the fullest of those that are being written to."""
    temporary, project = _room(tempfile.tempdir or "."), _room(".")  # it is None until there is a temporary file
    if path:
        fullest, names = _room(path), path
    else:
        # Any of the project's folders may be on a disk of its own.
        folders = written or [entry.path for entry in os.scandir() if entry.is_dir()]
        fullest, names = min([temporary, project, *map(_room, folders)]), _listed(written)
    what = f" (writing {names})" if names else ""
    if fullest.free > _FULL_BYTES and not path:
        return (
            f"a disk is full or a limit is reached{what}; look with `df -h`, `df -i` and `ulimit -f`, free some space "
            "and run again"
        )
    if fullest.device == temporary.device != project.device:
        return (
            f"the disk of temporary files, {fullest.mount}, is full{what}; free some space there, or set TMPDIR to a "
            "folder on another disk, and run again"
        )
    return f"the disk at {fullest.mount} is full{what}; free some space there and run again"


def _listed(paths: Sequence[str | Path]) -> str:
    return ", ".join(map(str, paths))


class _Room(NamedTuple):
    """What is free on the disk of a path, in bytes; nothing if there is no inode left."""

    free: int
    device: int
    mount: str


def _room(path: str | Path) -> _Room:
    path = Path(path).resolve()
    path = next(each for each in (path, *path.parents) if each.exists())
    stats, device = os.statvfs(path), path.stat().st_dev
    free = 0 if stats.f_files and not stats.f_favail else stats.f_bavail * stats.f_frsize
    mount = next(each for each in (path, *path.parents) if each.is_mount())
    return _Room(free, device, str(mount))
