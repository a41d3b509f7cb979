"""Git in this process, by dulwich, which DVC brings."""

import os
from pathlib import Path

from dulwich import porcelain
from dulwich.ignore import IgnoreFilterManager

PERSON = b"tester <tester@localhost>"


def init(folder: Path) -> None:
    """Make a repository of a folder."""
    porcelain.init(os.fspath(folder)).close()


def commit(folder: Path) -> None:
    """Commit all but what is ignored."""
    with porcelain.open_repo_closing(os.fspath(folder)) as repo:
        porcelain.add(repo, [os.fspath(folder.resolve())])
        porcelain.commit(repo, message=b"results", author=PERSON, committer=PERSON)


def clone(source: Path, folder: Path) -> Path:
    """Clone what is committed, and return the clone."""
    with open(os.devnull, "wb") as progress:  # noqa: PTH123
        porcelain.clone(os.fspath(source), os.fspath(folder), errstream=progress).close()
    return folder


def changed(folder: Path) -> list[str]:
    """Return the files that are not as they are committed, but those that git does not know."""
    status = porcelain.status(os.fspath(folder), untracked_files="no")
    staged = {path for paths in status.staged.values() for path in paths}
    return sorted(os.fsdecode(path) for path in {*staged, *status.unstaged})


def ignored(folder: Path, path: str) -> bool:
    """Return whether git leaves out a path, relative to ``folder``."""
    with porcelain.open_repo_closing(os.fspath(folder)) as repo:
        return bool(IgnoreFilterManager.from_repo(repo).is_ignored(path))
