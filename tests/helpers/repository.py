"""A small DVC repository to push and pull, without the minutes that the pipeline takes."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import yaml

from scenes.commands import verify
from tests.code_facts import ROOT
from tests.helpers import dvc_cli, git
from tests.helpers.command import in_folder, run_module

REMOTES = (ROOT / "docs/remotes.md").read_text(encoding="utf-8")
TROUBLESHOOTING = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
# A stage that writes a large file and a folder of small ones, the same at each run.
WRITE = """
import random
from pathlib import Path

noise = random.Random(0)
Path("folder").mkdir()
for number in range(6):
    Path(f"folder/{number}.bin").write_bytes(noise.randbytes(2000))
Path("large.bin").write_bytes(noise.randbytes(8_000_000))
"""
STAGES = {"stages": {"write": {"cmd": "python write.py", "deps": ["write.py"], "outs": ["folder", "large.bin"]}}}


def environment(folder: Path) -> dict[str, str]:
    """That of a person whose home is beside ``folder``, with nothing of this machine's keys and settings."""
    kept = {
        name: value for name, value in verify.environment().items() if not name.startswith(("AWS_", "SSH_", "DVC_"))
    }
    home = folder.parent / "home"
    return {**kept, "HOME": os.fspath(home), "DVC_SITE_CACHE_DIR": os.fspath(home / "site"), "DVC_NO_ANALYTICS": "true"}


def dvc(folder: Path, *commands: str, **changes: str) -> SimpleNamespace:
    """Run DVC commands and return the ``status`` of the last one and the ``text`` of all."""
    return dvc_cli.run(folder, *commands, environment={**environment(folder), **changes})


def succeed(folder: Path, *commands: str, **changes: str) -> str:
    return dvc_cli.succeed(folder, *commands, environment={**environment(folder), **changes})


def mend(folder: Path, *arguments: str) -> SimpleNamespace:
    """Run ``python -m scenes remote`` in ``folder``."""
    return run_module("scenes", "remote", *arguments, folder=folder, environment=environment(folder))


def start(folder: Path, command: str, **changes: str) -> subprocess.Popen:
    """Start a DVC command in a process of its own."""
    return subprocess.Popen(
        ["dvc", *command.split()],
        cwd=folder,
        env={**environment(folder), **changes},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def killed(relay, direction: str, after: int, folder: Path, command: str, **changes: str) -> None:
    """Kill ``command`` with SIGKILL when it has sent ("up") or got ("down") ``after`` bytes through ``relay``."""
    relay.hold(direction, after)
    process = start(folder, command, **changes)
    try:
        held = relay.held.wait(60)
    finally:
        process.kill()
        text, _ = process.communicate()
        relay.release()
    assert held and process.returncode == -9, text


def create(folder: Path, *commands: str) -> Path:
    """Make a repository whose stage has run, and run ``commands``; what is not secret is committed."""
    folder.mkdir(parents=True)
    git.init(folder)
    (folder / "write.py").write_text(WRITE)
    (folder / "dvc.yaml").write_text(yaml.safe_dump(STAGES))
    with in_folder(folder):
        exec(WRITE, {})  # as the stage would
    succeed(folder, "init --quiet", "commit --force --quiet", *commands)
    git.commit(folder)
    return folder


def clone(source: Path, folder: Path, *, secrets: bool = True) -> Path:
    """Clone what is committed; with ``secrets`` its owner has put the same .dvc/config.local there."""
    git.clone(source, folder)
    if secrets:
        shutil.copyfile(source / ".dvc" / "config.local", folder / ".dvc" / "config.local")
    return folder


def lines(kind: str, changes: dict[str, str]) -> list[str]:
    """Return the commands that docs/remotes.md gives for ``kind``, without ``dvc``; ``changes`` replace parts."""
    row = next(line for line in REMOTES.splitlines() if line.startswith(f"| {kind} |"))
    commands = re.findall(r"`dvc (remote [^`]*)`", row)
    for old, new in changes.items():
        assert any(old in command for command in commands), old
        commands = [command.replace(old, new) for command in commands]
    return commands


def explained(message: str) -> bool:
    """Whether docs/troubleshooting.md says what ``message`` means."""
    section = TROUBLESHOOTING.partition("\n## What a message about a remote means\n")[2].partition("\n#")[0]
    return any(f"`{message}`" in line for line in section.splitlines() if line.startswith("| `"))


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def recorded(folder: Path) -> dict[str, str]:
    """Return the hash of each out in dvc.lock that is in the cache, by its path."""
    described = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"].values()
    uncached = {
        path
        for stage in described
        for entry in (*stage.get("outs", ()), *stage.get("metrics", ()), *stage.get("plots", ()))
        if isinstance(entry, dict)
        for path, settings in entry.items()
        if settings.get("cache") is False
    }
    stages = yaml.safe_load((folder / "dvc.lock").read_text())["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage["outs"] if out["path"] not in uncached}


def recomputed(path: Path) -> str:
    """Return the hash that a file or folder should have in dvc.lock, worked out without DVC."""
    if path.is_file():
        return md5(path)
    files = sorted((file.relative_to(path).as_posix(), md5(file)) for file in path.rglob("*") if file.is_file())
    listing = json.dumps([{"md5": value, "relpath": name} for name, value in files])
    return hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest() + ".dir"


def check_hashes(folder: Path) -> None:
    """Hold every out against dvc.lock."""
    expected = recorded(folder)
    assert expected and {path: recomputed(folder / path) for path in expected} == expected


def made_anew(clone: Path) -> None:
    """Run ``dvc repro`` where a pull has failed, and hold what it makes against what is committed."""
    assert "Running stage 'write'" in succeed(clone, "repro")
    check_hashes(clone)
    assert git.changed(clone) == []


def damaged(folder: Path) -> list[str]:
    """Return the objects below ``folder`` that are not the bytes of their name."""
    objects = [path for path in (folder / "files" / "md5").rglob("*") if path.is_file()]
    assert objects
    return [path.name for path in objects if path.parent.name + path.name.removesuffix(".dir") != md5(path)]


def stored(folder: Path, name: str) -> Path:
    """Return the path of an object on a remote that is a folder of this machine."""
    return folder / "files" / "md5" / name[:2] / name[2:]


def flip_a_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def damage(path: Path) -> None:
    """Flip a bit and leave the mode as it is."""
    rewrite(path, flip_a_bit(path.read_bytes()))


def rewrite(path: Path, content: bytes) -> None:
    """Replace what is in an object, and leave its mode as it is."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(mode)


def another_name(listing: bytes) -> bytes:
    """Return a folder's listing in which a file has another name."""
    return listing.replace(b'"3.bin"', b'"8.bin"')


def another_hash(listing: bytes) -> bytes:
    """Return a folder's listing in which a file has another hash."""
    entries = json.loads(listing)
    digit = entries[3]["md5"][-1]
    entries[3]["md5"] = entries[3]["md5"][:-1] + ("1" if digit == "0" else "0")
    return json.dumps(entries).encode()


def cut_short(listing: bytes) -> bytes:
    """Return a folder's listing without its end."""
    return listing[:-1]
