"""Objects on a DVC remote that are not what their name says.

    python -m scenes remote [NAME] [--remove]

DVC names an object by the MD5 of its bytes and does not send one again whose name is there, nor what a listing of a
folder names if the listing is there. So an object that was cut short or has rotted stays until it is removed, and so
do the files missing from a folder. This reads the whole remote (NAME, or the default one), listings too, which a pull
takes unchecked, prints what is broken and ends with status 1; with ``--remove`` it deletes that, and ``dvc push`` from
a clone that has it sends it anew. A remote that holds nothing ends it with status 1 as well: an address with a slip of
the pen must not pass for a sound remote.
"""

import argparse
import hashlib
import json
import re

from dvc.repo import Repo
from dvc_data.hashfile.db import HashFileDB

from scenes.common.errors import InputError, exit_on_input_error

OBJECT = re.compile(r"([0-9a-f]{32})(\.dir)?")


def sound(remote: HashFileDB, names: list[str]) -> set[str]:
    """Return those of ``names`` whose object on ``remote`` is the bytes of its name."""
    return {name for name in names if (match := OBJECT.fullmatch(name)) and md5(remote, name) == match[1]}


def broken(remote: HashFileDB, names: list[str], whole: set[str]) -> dict[str, str]:
    """Return what is wrong with those of ``names`` that are not ``whole``, by name; listings of folders come first."""
    files, folders = {}, {}
    for name in names:
        kind = folders if name.endswith(".dir") else files
        if OBJECT.fullmatch(name) is None:
            kind[name] = "the rest of an interrupted push"
        elif name not in whole:
            kind[name] = "not the bytes of its name"
        elif kind is folders and (missing := listed(remote, name).keys() - whole):
            kind[name] = f"lists {len(missing)} missing or broken"
    return folders | files


def md5(remote: HashFileDB, name: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with remote.fs.open(remote.oid_to_path(name), "rb") as stream:
        while piece := stream.read(1 << 20):  # hashlib.file_digest refuses what SSH opens
            digest.update(piece)
    return digest.hexdigest()


def listed(remote: HashFileDB, listing: str) -> dict[str, str]:
    """Return the objects that a folder's listing on ``remote`` names, and the path of each in the folder."""
    with remote.fs.open(remote.oid_to_path(listing), "rb") as stream:
        return {entry["md5"]: entry["relpath"] for entry in json.load(stream)}


def paths(repo: Repo, remote: HashFileDB, whole: set[str]) -> dict[str, str]:
    """Return the path of each object that dvc.lock names; the files of a folder by its listing, here or there."""
    found = {}
    for out in repo.index.outs:
        if not out.hash_info:
            continue
        name, files = out.hash_info.value, {}
        if out.hash_info.isdir:
            if (cached := out.get_obj()) is not None:
                files = {entry.value: "/".join(key) for key, _, entry in cached}
            elif name in whole:  # a clone that has pulled nothing
                files = listed(remote, name)
        found |= {name: out.def_path} | {file: f"{out.def_path}/{path}" for file, path in files.items()}
    return found


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="scenes remote",
        description="Read all objects on a DVC remote and name those that are damaged; exit status 1 if any is.",
    )
    parser.add_argument("name", nargs="?", help="the remote; without it, the default one")
    parser.add_argument("--remove", action="store_true", help="delete what is broken, for `dvc push` to send it anew")
    arguments = parser.parse_args(argv)
    try:
        with Repo() as repo:
            remote = repo.cloud.get_remote(arguments.name, "push").odb
            held = sorted(remote.all())
            whole = sound(remote, held)
            wrong = broken(remote, held, whole)
            names = paths(repo, remote, whole) if wrong else {}
            for name, reason in wrong.items():
                print(f"{remote.oid_to_path(name)} ({names.get(name, 'not in dvc.lock')}): {reason}")
                if arguments.remove:
                    remote.delete(name)
    except Exception as error:  # each kind of remote has a library, and each library errors, of its own
        said = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"the remote can't be read ({said}); README.md says what that means") from error
    if not held:
        raise InputError(f"no object is at {remote.path}; `dvc push` sends some there, `dvc remote list` names others")
    if wrong and not arguments.remove:
        count = f"broken: {len(wrong)} of {len(held)} objects"
        raise InputError(f"{count}; with --remove they are deleted, for `dvc push` to send them anew")
    print(f"objects read: {len(held)}; {f'removed: {len(wrong)}' if wrong else 'none is broken'}")
    if wrong:
        print("`dvc push` from a clone that has them sends them anew")


if __name__ == "__main__":
    with exit_on_input_error():
        main()
