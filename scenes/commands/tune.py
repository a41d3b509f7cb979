"""``scenes tune``: search for better settings of a CNN with Optuna; each trial is an experiment.

    make tune                                                        # or: python -m scenes tune
    python -m scenes tune baseline --trials 20 --storage journal:/shared/tune.log --worker 3

A search that was interrupted continues when it is started again. See docs/experiments.md.
"""

import argparse
import os
import re

from scenes.common.errors import InputError

PASSWORD = re.compile(r"^[^:]+://[^/]*:.*@|[?&]password=")  # in the URL of a database


def main(argv: list[str] | None = None) -> int:
    """Return the exit status.

    Raises:
        InputError: Optuna is not installed, --storage contains a password, or the search cannot run; see
            :func:`scenes.experiments.tuning.tune`.
    """
    parser = argparse.ArgumentParser(
        prog="scenes tune", description="Search for better settings of a CNN with Optuna; each trial is an experiment."
    )
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        default="baseline",
        help="an entry of tune.yaml (default: %(default)s)",
    )
    parser.add_argument("-S", dest="settings", action="append", default=[], metavar="KEY=VALUE", help="for every trial")
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="where the study is stored: the URL of a database, without a password, or journal:<file> (default: "
        "$TUNE_STORAGE or sqlite:///tune.db)",
    )
    parser.add_argument("--study", help="the name of the study (default: <profile>-<model>)")
    parser.add_argument("--trials", type=int, help="trials in total, over all workers; 0 only creates the study")
    parser.add_argument("--jobs", type=int, default=1, help="workers at a time; each uses the threads of params.yaml")
    parser.add_argument("--worker", type=int, default=0, help="a different number for each worker on the same study")
    arguments = vars(parser.parse_args(argv))
    if PASSWORD.search(arguments["storage"] or ""):
        raise InputError(
            "--storage contains a password, which all users of this machine can see; set TUNE_STORAGE to this address, "
            "or keep the password in ~/.pgpass or another file of your database's client"
        )
    arguments["storage"] = arguments["storage"] or os.environ.get("TUNE_STORAGE", "sqlite:///tune.db")
    try:
        from scenes.experiments import tuning
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise InputError("Optuna, which proposes the trials, is not installed; `make tune` installs it") from None
    tuning.tune(arguments.pop("model"), **arguments)
    return 0
