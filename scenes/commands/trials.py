"""``scenes trials``: run the trials of the write-ups as experiments, and write the table of their results.

    make trials                         # or: python -m scenes trials
    python -m scenes trials --seeds 3   # each trial with three seeds
    python -m scenes trials --table     # only writes the table

Experiments that exist are not run again. The table in reports/trials.md is read from the experiments.
"""

from scenes.commands.argument_types import whole_number
from scenes.commands.trial_options import trial_parser
from scenes.common.errors import InputError
from scenes.experiments import trials


def main(argv: list[str] | None = None) -> int:
    """Return the exit status.

    Raises:
        InputError: a trial cannot run, or failed.
    """
    parser = trial_parser(
        "trials", "Run the trials of the write-ups as experiments, and write the table of their results."
    )
    parser.add_argument("names", nargs="*", metavar="TRIAL", help="the trials to run (default: all)")
    parser.add_argument(
        "--seeds", type=whole_number(1), default=1, help="seeds of each trial, from that in params.yaml on"
    )
    parser.add_argument("--table", action="store_true", help="write the table only")
    arguments = parser.parse_args(argv)
    options = {"jobs": arguments.jobs, "seeds": arguments.seeds}
    failed = [] if arguments.table else trials.run(arguments.names, arguments.settings, **options)
    trials.write_tables()
    if failed:
        raise InputError(f"failed: {', '.join(failed)}")
    return 0
