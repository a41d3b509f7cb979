"""``scenes remote``: find damaged objects on a DVC remote.

    python -m scenes remote [NAME] [--remove]

DVC names an object by the MD5 of its bytes. It does not send an object again whose name is on the remote, nor the files
of a folder whose listing is there. So an object that was cut short or has rotted stays until it is removed, and so do
the files missing from a folder. This command reads the whole remote (NAME, or the default one), including listings,
which a pull takes unchecked. It prints what is broken and ends with status 1; with ``--remove`` it deletes the broken
objects, and ``dvc push`` from a clone that has them sends them again. An empty remote is an error too: a mistyped
address must not be accepted as a sound remote.
"""

import argparse
import hashlib
import json
import re

from dvc.repo import Repo
from dvc_data.hashfile.db import HashFileDB

from scenes.common.errors import InputError

OBJECT = re.compile(r"([0-9a-f]{32})(\.dir)?")


def main(argv: list[str] | None = None) -> int:
    """Return the exit status.

    Raises:
        InputError: the remote cannot be read, is empty, or has broken objects that were not removed.
    """
    parser = argparse.ArgumentParser(
        prog="scenes remote",
        description="Read all objects on a DVC remote and name those that are damaged. The exit status is 1 if any is.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the remote (default: that of .dvc/config)")
    parser.add_argument(
        "--remove", action="store_true", help="delete what is broken, so that `dvc push` can send it again"
    )
    arguments = parser.parse_args(argv)
    try:
        with Repo() as repo:
            remote = repo.cloud.get_remote(arguments.name, "push").odb
            names = sorted(remote.all())
            sound = sound_objects(remote, names)
            problems = broken_objects(remote, names, sound)
            paths = paths_in_lock(repo, remote, sound) if problems else {}
            for name, problem in problems.items():
                print(f"{remote.oid_to_path(name)} ({paths.get(name, 'not in dvc.lock')}): {problem}")
                if arguments.remove:
                    remote.delete(name)
    except Exception as error:  # each kind of remote has a library with errors of its own
        message = " ".join(str(error).split()) or type(error).__name__
        sentence = f"the remote can't be read ({message}); docs/troubleshooting.md says what that means"
        raise InputError(sentence) from error
    if not names:
        raise InputError(
            f"there are no objects at {remote.path}; "
            "send some with `dvc push`, or choose another remote (`dvc remote list`)"
        )
    if problems and not arguments.remove:
        count = f"broken: {len(problems)} of {len(names)} objects"
        raise InputError(f"{count}; delete them with --remove, then send them again with `dvc push`")
    print(f"objects read: {len(names)}; {f'removed: {len(problems)}' if problems else 'none is broken'}")
    if problems:
        print("`dvc push` from a clone that has them sends them again")
    return 0


def sound_objects(remote: HashFileDB, names: list[str]) -> set[str]:
    """Return those of ``names`` whose object on ``remote`` has the MD5 that its name says."""
    return {name for name in names if (match := OBJECT.fullmatch(name)) and md5(remote, name) == match[1]}


def broken_objects(remote: HashFileDB, names: list[str], sound: set[str]) -> dict[str, str]:
    """Return what is wrong with those of ``names`` that are not ``sound``, by name; listings of folders come first."""
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        problems = folders if name.endswith(".dir") else files
        if OBJECT.fullmatch(name) is None:
            problems[name] = "the rest of an interrupted push"
        elif name not in sound:
            problems[name] = "content does not match its name"
        elif problems is folders and (missing := listed_objects(remote, name).keys() - sound):
            problems[name] = f"lists {len(missing)} missing or broken object{'s' * (len(missing) > 1)}"
    return folders | files


def md5(remote: HashFileDB, name: str) -> str:
    """Return the MD5 of an object's bytes."""
    digest = hashlib.md5(usedforsecurity=False)
    with remote.fs.open(remote.oid_to_path(name), "rb") as stream:
        while chunk := stream.read(1 << 20):  # hashlib.file_digest refuses the files that SSH opens
            digest.update(chunk)
    return digest.hexdigest()


def listed_objects(remote: HashFileDB, listing: str) -> dict[str, str]:
    """Return the objects that a folder's listing on ``remote`` names, with their paths in the folder."""
    with remote.fs.open(remote.oid_to_path(listing), "rb") as stream:
        return {entry["md5"]: entry["relpath"] for entry in json.load(stream)}


def paths_in_lock(repo: Repo, remote: HashFileDB, sound: set[str]) -> dict[str, str]:
    """Return the path of each object that dvc.lock names; for the files of a folder from its listing, here or there."""
    paths: dict[str, str] = {}
    for out in repo.index.outs:
        if not out.hash_info:
            continue
        name, files = out.hash_info.value, {}
        if out.hash_info.isdir:
            if (cached := out.get_obj()) is not None:
                files = {entry.value: "/".join(key) for key, _, entry in cached}
            elif name in sound:  # a clone that has pulled nothing
                files = listed_objects(remote, name)
        paths |= {name: out.def_path} | {file: f"{out.def_path}/{path}" for file, path in files.items()}
    return paths
