"""Files of an earlier run of a stage that a new run would compute again, byte for byte.

A stage writes a folder of files, each from inputs of its own, and a JSON file with the key of each: a hash of
everything that determines it. The next run computes the files whose key has changed, and copies the others: from their
place or, because DVC removes the outputs of a stage before it runs it, from DVC's cache. (With ``persist: true`` DVC
leaves them in place, but does not use its run cache for such a stage.)
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from scenes.common.checksum import file_hash
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.outputs import earlier, recorded, remove_damaged_objects
from scenes.common.tables import write_json
from scenes.executors.versions import decoder_versions

VARIABLE = "SCENES_COMPUTE_ALL"  # if set, nothing is taken over, as to see whether the same bytes come out


def key(*facts: object) -> str:
    """Return the key of a file: 64 hexadecimal digits.

    The versions of the decoders count, too; those of the numerics do not, because what they compute in the stages of
    the data is the same in every version, and so is the key then.

    Args:
        facts: all else that determines the file: the digest of the code, parameters, hashes of inputs. Their ``repr``
            is the same in every process (that of a set is not).
    """
    return hashlib.sha256(repr((decoder_versions(), *facts)).encode()).hexdigest()


@contextmanager
def renewed(folder: str | Path, keys_file: str | Path, keys: Mapping[str, str]) -> Iterator[Path]:
    """Yield a new folder that has what need not be computed again, and put it in the place of ``folder`` on success.

    Args:
        folder: of the earlier run, if there was one. The block writes the missing files into the new one, and then its
            SHA256SUMS.
        keys_file: for the keys, and the hash of each file; written anew, too.
        keys: of the files that are to be in the folder, by name.
    """
    with atomic_dir(folder) as new, atomic_write(keys_file) as new_keys:
        for name, path in _unchanged(folder, keys_file, keys).items():
            shutil.copyfile(path, new / name)  # not a link: DVC may write-protect it, or have it in its cache
        yield new
        hashes = recorded(new)
        write_json(new_keys, {name: {"key": key, "sha256": hashes[name]} for name, key in keys.items()})


def _unchanged(folder: str | Path, keys_file: str | Path, keys: Mapping[str, str]) -> dict[str, Path]:
    """Return the files of the earlier run that need not be computed again, by their names.

    A file that is damaged is not among them, nor one that a killed run wrote without its key.
    """
    if os.environ.get(VARIABLE):
        return {}
    known: dict[str, dict[str, str]] = {}
    for path in earlier(keys_file).values():
        with suppress(OSError, ValueError):  # it is missing or damaged
            known = json.loads(path.read_bytes())
    same = {name for name, key in keys.items() if known.get(name, {}).get("key") == key}
    files = {name: path for name, path in earlier(folder).items() if name in same} if same else {}
    sound = {name: path for name, path in files.items() if file_hash(path) == known[name]["sha256"]}
    if sound != files:
        remove_damaged_objects(folder)  # or DVC would take them for what this run computes
    return sound
