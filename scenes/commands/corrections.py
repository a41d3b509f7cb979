"""``scenes corrections``: merge corrected labels into corrections/<profile>.csv, or sum up what is in it.

    python -m scenes corrections merge FILE
    python -m scenes corrections show

The profile is that of params.yaml. docs/corrections.md has the steps around it.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from scenes.audit import audit_table
from scenes.commands.argument_types import local_path
from scenes.common.errors import InputError
from scenes.common.files import atomic_write, suggest_path
from scenes.common.words import count, listed, shortened, show
from scenes.config import params
from scenes.dataset import corrections

if TYPE_CHECKING:
    import pandas as pd

AUDIT = Path("data/audit.csv")
SPLIT = Path("data/split.csv")


def main(argv: list[str] | None = None) -> int:
    """Return the exit status.

    Raises:
        InputError: a file of corrections is wrong, or the audit to compare it with is missing.
    """
    parser = argparse.ArgumentParser(prog="scenes corrections", description="Labels that people have corrected.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    merging = commands.add_parser("merge", help="check a file of corrections and merge it into those of the profile")
    merging.add_argument("file", metavar="FILE", type=local_path, help="CSV with the header path,label,remark")
    commands.add_parser("show", help="sum up the corrections of the profile")
    arguments = parser.parse_args(argv)
    if not AUDIT.is_file():
        raise InputError(f"{AUDIT} is missing; make it with `dvc repro audit`, or fetch it with `dvc pull {AUDIT}`")
    audit = audit_table.read(AUDIT)
    file = Path(f"corrections/{params.read().profile}.csv")
    print(merge(Path(arguments.file), file, audit) if arguments.command == "merge" else summary(file, audit))
    return 0


def merge(source: Path, file: Path, audit: "pd.DataFrame") -> str:
    """Merge the corrections in ``source`` into ``file``, and return in words what that changed.

    Args:
        source: with corrections of images of the audit.
        file: is created if it is not there.
        audit: see ``scenes.audit.audit_table``.

    Raises:
        InputError: one of the two is wrong; ``file`` stays as it is.
    """
    if not source.exists():
        raise InputError(f"{source} does not exist; {suggest_path(source)}")
    new = corrections.read(source, audit)
    if new.empty:
        return f"no corrections in {source}"
    old = corrections.read(file, audit) if file.exists() else new.head(0)
    merged = corrections.merge(old, new)
    with atomic_write(file) as temporary:
        corrections.write(merged, temporary)
    lines = [f"{file}: {count(len(merged), 'correction')}, {len(merged) - len(old):,} of them new"]
    before = dict(zip(old["path"], old["label"], strict=True))
    for path, label in zip(new["path"], new["label"], strict=True):
        if (was := before.get(path, label)) != label:
            lines.append(f"replaced: {show(path)}: {show(was, 60)} -> {show(label, 60)}")
    return "\n".join([*lines, f"next: `dvc repro`, then `dvc metrics diff`; then commit {file} with the results"])


def summary(file: Path, audit: "pd.DataFrame") -> str:
    """Return what the corrections in ``file`` change, in words: those of test images apart, then remarks.

    What the audit does not have is named: the stage `split` would refuse it.

    Raises:
        InputError: the file is missing, or not of the form of corrections.
    """
    table = corrections.parse(file)
    lines = [f"{file}: {count(len(table), 'correction')}"]
    if unknown := corrections.unknown(table, audit):
        lines.append(f"no longer in the archive, or without a label there; remove: {listed(unknown, len(unknown))}")
    known = table[~table["path"].isin(unknown)].merge(_final(audit), on="path")
    of_test = known["split"] == "test"
    lines += _changes("train and validation", known[~of_test])
    lines += _changes("test (the scores keep the archive's labels, and `evaluate` scores these apart)", known[of_test])
    remarks = Counter(remark for remark in table["remark"] if remark)
    if remarks:
        texts = (f"{show(text)} ({number:,})" for text, number in remarks.most_common())
        lines.append(f"remarks: {shortened(texts, 12)}")
    return "\n".join(lines)


def _final(audit: "pd.DataFrame") -> "pd.DataFrame":
    """Return ``path,given,split`` of the images, with the splits of data/split.csv if it is there."""
    from scenes.dataset import split

    images = split.final_splits(audit, split.read(SPLIT)) if SPLIT.is_file() else audit
    return images.rename(columns={"label": "given"})[["path", "given", "split"]]


def _changes(title: str, rows: "pd.DataFrame") -> Iterator[str]:
    """Yield a line for each pair of the archive's label and the corrected one, the most frequent first."""
    if rows.empty:
        return
    yield f"{title}: {len(rows):,}"
    counts = Counter(zip(rows["given"], rows["label"], strict=True))
    for (given, label), number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        what = "dropped" if label == corrections.DROP else "confirmed" if label == given else show(label, 60)
        yield f"  {number:,} {show(given, 60)} -> {what}"
