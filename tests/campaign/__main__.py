"""Kill, fill the disk and damage files at random, and see whether the pipeline ends in the same bytes all the same.

    make campaign ARGS="--kills 100"    # or: python -m tests.campaign --kills 100

It makes the tests' small pipeline once. Exit status 1 if a fault was not mended. A seed gives the same faults again;
when exactly a kill hits depends on how busy the machine is.
"""

import argparse
import collections
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.campaign import faults
from tests.campaign.campaign import Campaign, Outcome
from tests.conftest import make

VERDICTS = ("mended", "sentence", "failed")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="of dvc, a stage, both or all (%(default)s)")
    parser.add_argument("--full", type=int, default=5, metavar="N", help="stages that find the disk full (%(default)s)")
    parser.add_argument("--damages", type=int, default=5, metavar="N", help="damaged outputs (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the faults (%(default)s)")
    parser.add_argument("--folder", type=Path, help="of the finished pipeline; made there if there is none")
    arguments = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="campaign-"))
    finished = arguments.folder or folder / "finished"
    if not finished.exists():
        print(f"making the pipeline in {finished}", flush=True)
        make(finished)
    full = arguments.full
    if full and not can_mount(folder):
        print("the disk cannot be full: mounting one needs root")
        full = 0
    campaign = Campaign(finished, folder)
    drawn = faults.draw(arguments.seed, [*campaign.stages], arguments.kills, full, arguments.damages)
    outcomes = []
    for number, fault in enumerate(drawn, 1):
        outcomes.append(campaign.attempt(number, fault))
        print(f"{number}/{len(drawn)} {line(outcomes[-1])}", flush=True)
    print(report(outcomes))
    failed = any(outcome.complaints for outcome in outcomes)
    if not failed:
        shutil.rmtree(folder)
    return int(failed)


def can_mount(folder: Path) -> bool:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True).returncode == 0
    if mounted:
        subprocess.run(["umount", folder], check=True)
    return mounted


def line(outcome: Outcome) -> str:
    return f"{outcome.fault.kind}, {outcome.fault.stage} ({outcome.what}): {outcome.verdict}"


def report(outcomes: list[Outcome]) -> str:
    """Return tables in Markdown, by kind of fault and by stage, and the failures."""
    parts = [table("fault", outcomes, lambda outcome: outcome.fault.kind)]
    parts += [table("stage", outcomes, lambda outcome: outcome.fault.stage)]
    failures = [outcome for outcome in outcomes if outcome.complaints]
    for outcome in failures:
        parts.append("\n".join([f"- {line(outcome)}, {outcome.log}", *(f"  - {each}" for each in outcome.complaints)]))
    return "\n\n".join(parts)


def table(name: str, outcomes: list[Outcome], key) -> str:
    counts = collections.defaultdict(collections.Counter)
    for outcome in outcomes:
        for row in (key(outcome), "all"):
            counts[row][outcome.verdict] += 1
    rows = [f"| {name} | tried | {' | '.join(VERDICTS)} |", "|---|" + "---:|" * (1 + len(VERDICTS))]
    for row, count in sorted(counts.items(), key=lambda item: (item[0] == "all", item[0])):
        rows.append(f"| {row} | {count.total()} | {' | '.join(str(count[verdict]) for verdict in VERDICTS)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
