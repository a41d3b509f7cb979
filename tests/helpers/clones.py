"""Clones of this repository as it is now, with the changes that are not committed."""

import shutil
import subprocess
from pathlib import Path

from scenes.commands import verify
from tests.code_facts import ROOT


def clone(folder: Path) -> Path:
    """Clone the last commit into ``folder``, copy the files that are not committed into it, and return it."""
    verify.clone(ROOT, folder)
    listed = ["git", "ls-files", "-z", "--modified", "--others", "--deleted", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        (folder / name).unlink(missing_ok=True)
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder
