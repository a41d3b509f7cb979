"""What a change did, for the person who reviews it: scores, parameters and pictures, before and after.

    make review BASE=origin/main      # or: python -m scenes review origin/main review

writes review/review.md, which fits into a comment on a pull request, and review/plots/index.html, which opens offline.
"""

import argparse
import re
import subprocess
from pathlib import Path

from scenes.common.errors import InputError
from scenes.common.files import atomic_dir

# What a reviewer looks at first; the other numbers stand folded below.
HEADLINES = re.compile(r"(val\.|clean\.)?(accuracy|crossentropy|macro_f1)|calibration\.ece|model")
ROWS = 200  # of a folded table: GitHub refuses a comment of more than 65,536 characters
REPORT = Path("reports/report.md")


def git(*arguments: str) -> str:
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


def parting(base: str) -> str:
    """Return, in short, the commit where HEAD and ``base`` parted, so that what came to ``base`` since does not count.

    Raises:
        InputError: there is none.
    """
    try:
        return git("rev-parse", "--short", git("merge-base", base, "HEAD"))
    except subprocess.CalledProcessError:
        raise InputError(
            f"BASE={base} is no commit that this one comes from; fetch it (`git fetch origin`), or name another one"
        ) from None


def table(markdown: str) -> list[str]:
    """Return the lines of a table that DVC printed, without the spaces that align it; none if it has no rows."""
    lines = [re.sub(r"-{3,}", "---", re.sub(r" {2,}", " ", line)) for line in markdown.strip().splitlines()]
    return lines if len(lines) > 2 else []


def headlines(lines: list[str]) -> list[str]:
    """Return the head of a table of metrics and the rows that are looked at first."""
    rows = [line for line in lines[2:] if HEADLINES.fullmatch(line.split("|")[2].strip())]
    return [*lines[:2], *rows] if rows else []


def folded(title: str, lines: list[str]) -> list[str]:
    """Return lines of Markdown that show on a click."""
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>", ""]


def numbers(lines: list[str]) -> list[str]:
    """Return a table of metrics as Markdown: what counts most, and all of it folded."""
    if not lines:
        return ["No number changes.", ""]
    count = len(lines) - 2
    rest = [f"and {count - ROWS} more, see `dvc metrics diff`"] if count > ROWS else []
    return [*headlines(lines), "", *folded(f"All {count} that change", [*lines[: ROWS + 2], "", *rest])]


def pictures(static: Path, base: str) -> tuple[list[str], list[str], int]:
    """Compare the pictures that `dvc plots diff` laid side by side.

    Returns:
        The names of those that changed, of those that have nothing to be compared with, and how many are the same.
    """
    changed, new, same = [], [], 0
    for after in sorted(static.glob("workspace_*")):
        name = after.name.removeprefix("workspace_")
        before = static / f"{base}_{name}"
        if not before.exists():
            new.append(name)
        elif before.read_bytes() != after.read_bytes():
            changed.append(name)
        else:
            same += 1
    return changed, new, same


def pictured(static: Path, base: str) -> list[str]:
    changed, new, same = pictures(static, base)
    lines = [f"{len(changed)} changed, {same} are the same, {len(new)} have nothing to be compared with."]
    if new:
        lines[0] += " (`dvc pull` gets those of other commits.)"
    lines += ["", "All of them and the curves, before and after: `plots/index.html`, which opens offline.", ""]
    for title, names in (("Changed pictures", changed), ("Pictures without a counterpart", new)):
        lines += folded(title, [f"- `{name}`" for name in names]) if names else []
    return lines


def write(base: str, folder: Path) -> None:
    """Write review.md and plots/ into ``folder``."""
    before = parting(base)
    dvc("plots", "diff", before, "--out", str(folder / "plots"))
    lines = [f"## What changes against `{before}`", "", "### Scores, as committed", ""]
    lines += numbers(table(dvc("metrics", "diff", "--md", before, "HEAD")))
    lines += ["### Parameters", ""]
    lines += [*(table(dvc("params", "diff", "--md", before, "HEAD")) or ["No parameter changes."]), ""]
    here = table(dvc("metrics", "diff", "--md", "HEAD"))
    if here:
        lines += ["### Scores that came out here", ""]
        lines += [
            "They differ from those committed: `dvc.lock` was not up to date, or this processor rounds otherwise."
        ]
        lines += ["", *numbers(here)]
    lines += ["### Pictures", "", *pictured(folder / "plots" / "static", before)]
    if REPORT.exists():
        lines += folded("The report", [REPORT.read_text(encoding="utf-8")])
    (folder / "review.md").write_text("\n".join(lines), encoding="utf-8", newline="\n")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="scenes review",
        description="Write what a change did to scores, parameters and pictures: review.md and plots/index.html.",
    )
    parser.add_argument("base", metavar="BASE", help="the branch or commit that the change goes into")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where to write; the folder is replaced")
    arguments = parser.parse_args(argv)
    with atomic_dir(arguments.folder) as folder:
        write(arguments.base, folder)
    print(f"{arguments.folder}/review.md, {arguments.folder}/plots/index.html")
