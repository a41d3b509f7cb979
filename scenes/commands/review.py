"""``scenes review``: compare scores, parameters and pictures with another commit, for the reviewer of a change.

    make review BASE=origin/main      # or: python -m scenes review origin/main review

It writes review/review.md, which fits into a comment on a pull request, and review/plots/index.html, which opens
offline.
"""

import argparse
import re
import subprocess
from pathlib import Path

from scenes.common.errors import InputError
from scenes.common.files import atomic_dir, visible

REPORT = Path("reports/report.md")


def main(argv: list[str] | None = None) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        prog="scenes review",
        description="Compare scores, parameters and pictures with another commit: review.md and plots/index.html.",
    )
    parser.add_argument("base", metavar="BASE", help="the branch or commit that the change goes into")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where to write; the folder is replaced")
    arguments = parser.parse_args(argv)
    with atomic_dir(arguments.folder) as folder:
        write(arguments.base, folder)
    print(f"{arguments.folder}/review.md, {arguments.folder}/plots/index.html")
    return 0


def write(base: str, folder: Path) -> None:
    """Write review.md and plots/ into ``folder``.

    Raises:
        InputError: ``base`` is not related to this commit, or a DVC command fails.
    """
    before = merge_base(base)
    dvc("plots", "diff", before, "--out", str(folder / "plots"))
    lines = [f"## What changes against `{before}`", "", "### Scores, as committed", ""]
    lines += table_lines(dvc("metrics", "diff", "--md", before, "HEAD")) or ["No score changes."]
    lines += ["", "### Parameters", ""]
    lines += [*(table_lines(dvc("params", "diff", "--md", before, "HEAD")) or ["No parameter changes."]), ""]
    workspace = table_lines(dvc("metrics", "diff", "--md", "HEAD"))
    if workspace:
        lines += ["### Scores of this run", ""]
        lines += [
            "They differ from the committed ones: `dvc.lock` was not up to date, or this processor rounds differently."
        ]
        lines += ["", *workspace, ""]
    lines += ["### Pictures", "", *format_pictures(folder / "plots" / "static", before)]
    if REPORT.exists():
        lines += collapsed("The report", [REPORT.read_text(encoding="utf-8")])
    (folder / "review.md").write_text("\n".join(lines), encoding="utf-8", newline="\n")


def merge_base(base: str) -> str:
    """Return the short name of the commit where HEAD branched off ``base``, so that later commits there do not count.

    Raises:
        InputError: there is no such commit.
    """
    try:
        return git("rev-parse", "--short", git("merge-base", base, "HEAD"))
    except subprocess.CalledProcessError:
        raise InputError(
            f"BASE={base} is not a commit that this one comes from; fetch it (`git fetch origin`) or name another one"
        ) from None


def git(*arguments: str) -> str:
    """Return what ``git`` prints."""
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def dvc(*arguments: str) -> str:
    """Return what ``dvc`` prints.

    Raises:
        InputError: it failed.
    """
    done = subprocess.run(["dvc", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"`dvc {' '.join(arguments)}` failed: {(done.stderr.strip() or 'no reason given')[-500:]}")
    return done.stdout


def table_lines(markdown: str) -> list[str]:
    """Return the lines of a table that DVC printed, without the spaces that align it; none if it has no rows."""
    lines = [re.sub(r"-{3,}", "---", re.sub(r" {2,}", " ", line)) for line in markdown.strip().splitlines()]
    return lines if len(lines) > 2 else []


def format_pictures(static: Path, base: str) -> list[str]:
    """Return which pictures changed, as Markdown; see :func:`compare_pictures`."""
    changed, unmatched, same = compare_pictures(static, base)
    lines = [f"{len(changed)} changed, {same} are the same, {len(unmatched)} have nothing to be compared with."]
    if unmatched:
        lines[0] += " (`dvc pull` gets those of other commits.)"
    lines += ["", "All of them and the curves, before and after: `plots/index.html`, which opens offline.", ""]
    for title, names in (("Changed pictures", changed), ("Pictures without a counterpart", unmatched)):
        lines += collapsed(title, [f"- `{name}`" for name in names]) if names else []
    return lines


def compare_pictures(static: Path, base: str) -> tuple[list[str], list[str], int]:
    """Compare the pictures of two commits in the folder that `dvc plots diff` wrote.

    Returns:
        The names of those that changed, the names of those without a counterpart, and how many are the same.
    """
    changed: list[str] = []
    unmatched: list[str] = []
    same = 0
    for after in visible(static, "workspace_*"):
        name = after.name.removeprefix("workspace_")
        before = static / f"{base}_{name}"
        if not before.exists():
            unmatched.append(name)
        elif before.read_bytes() != after.read_bytes():
            changed.append(name)
        else:
            same += 1
    return changed, unmatched, same


def collapsed(title: str, lines: list[str]) -> list[str]:
    """Return lines of Markdown that open on a click."""
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>", ""]
