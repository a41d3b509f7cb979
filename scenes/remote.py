"""Objects on a DVC remote that are not what their name says.

    python -m scenes.remote [NAME] [--remove]

DVC names an object by the MD5 of its bytes and does not send one again whose name is there, nor what a listing of a
folder names if the listing is there. So an object that was cut short or has rotted stays until it is removed, and so
do the files missing from a folder. This reads the whole remote (NAME, or the default one), prints what is broken and
ends with status 1; with ``--remove`` it deletes that, and ``dvc push`` from a clone that has it sends it anew.
"""

import argparse
import hashlib
import json
import re

from dvc.repo import Repo
from dvc_data.hashfile.db import HashFileDB

from scenes.errors import InputError, one_sentence

OBJECT = re.compile(r"([0-9a-f]{32})(\.dir)?")


def broken(remote: HashFileDB) -> dict[str, str]:
    """Return what is wrong with each broken object of ``remote``, by its name; listings of folders come first."""
    sound, files, folders = set(), {}, {}
    for name in sorted(remote.all()):
        match = OBJECT.fullmatch(name)
        if match is None:
            files[name] = "the rest of an interrupted push"
            continue
        if md5(remote, name) == match[1]:
            sound.add(name)
        else:
            (folders if match[2] else files)[name] = "not the bytes of its name"
    for name in sorted(name for name in sound if name.endswith(".dir")):
        missing = entries(remote, name) - sound
        if missing:
            folders[name] = f"lists {len(missing)} missing or broken"
    return folders | files


def md5(remote: HashFileDB, name: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with remote.fs.open(remote.oid_to_path(name), "rb") as stream:
        while piece := stream.read(1 << 20):  # hashlib.file_digest refuses what SSH opens
            digest.update(piece)
    return digest.hexdigest()


def entries(remote: HashFileDB, listing: str) -> set[str]:
    """Return the objects that a folder's listing on ``remote`` names."""
    with remote.fs.open(remote.oid_to_path(listing), "rb") as stream:
        return {entry["md5"] for entry in json.load(stream)}


def paths(repo: Repo) -> dict[str, str]:
    """Return the path of each object that dvc.lock names, folders by their listing and by the files in the cache."""
    found = {}
    for out in repo.index.outs:
        if out.hash_info:
            found[out.hash_info.value] = out.def_path
            if out.hash_info.isdir and (listing := out.get_obj()) is not None:
                found |= {entry.value: "/".join((out.def_path, *key)) for key, _, entry in listing}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scenes.remote", description="check the objects on a DVC remote")
    parser.add_argument("name", nargs="?", help="the remote; without it, the default one")
    parser.add_argument("--remove", action="store_true", help="delete what is broken, for `dvc push` to send it anew")
    arguments = parser.parse_args()
    try:
        with Repo() as repo:
            remote = repo.cloud.get_remote(arguments.name, "push").odb
            wrong, names = broken(remote), paths(repo)
            for name, reason in wrong.items():
                print(f"{remote.oid_to_path(name)} ({names.get(name, 'not in dvc.lock')}): {reason}")
                if arguments.remove:
                    remote.delete(name)
    except Exception as error:  # each kind of remote has a library, and each library errors, of its own
        said = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"the remote can't be read ({said}); docs/remotes.md says what that means") from error
    if not wrong:
        print("no object is broken")
    elif arguments.remove:
        print("removed; `dvc push` from a clone that has them sends them anew")
    else:
        raise InputError(f"broken: {len(wrong)}; with --remove they are deleted, for `dvc push` to send them anew")


if __name__ == "__main__":
    with one_sentence():
        main()
