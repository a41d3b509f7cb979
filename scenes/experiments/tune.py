"""Search for better settings with Optuna; the best become experiments.

    make tune                                                        # or: python -m scenes tune
    python -m scenes tune baseline --trials 20 --storage journal:/shared/tune.log --worker 3

A head is trained on the cached features within this process, which takes seconds where `dvc exp run` would first
start it all; then the best are run by it. Each trial of a CNN is a `dvc exp run`, and of a head, too, with
--each-an-experiment. A search that was ended goes on when it is started again. See docs/experiments.md.
"""

import argparse
import os

from scenes.common.errors import InputError, exit_on_input_error


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="scenes tune", description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="efficientnetv2l", help="an entry of tune.yaml (%(default)s)")
    parser.add_argument("-S", dest="given", action="append", default=[], metavar="key=value", help="for every trial")
    parser.add_argument(
        "--storage",
        default=os.environ.get("TUNE_STORAGE", "sqlite:///tune.db"),
        metavar="URL",
        help="where the study is kept: a database's URL, or journal:<file> (default: $TUNE_STORAGE or sqlite:///tune.db)",
    )
    parser.add_argument("--study", dest="title", help="its name (default: <profile>-<model>)")
    parser.add_argument("--trials", type=int, help="in all, over all workers; 0 only makes the study")
    parser.add_argument(
        "--each-an-experiment",
        action="store_true",
        dest="each",
        help="make every trial of a head a `dvc exp run`, too; see docs/experiments.md for what that costs",
    )
    parser.add_argument("--jobs", type=int, default=1, help="workers at a time here, each on params.yaml's threads")
    parser.add_argument("--worker", type=int, default=0, help="a number of its own for each that works on one study")
    arguments = vars(parser.parse_args(argv))
    try:
        from scenes.experiments import tuning
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise InputError("Optuna, which proposes the trials, is not installed here; `make tune` installs it") from None
    tuning.tune(arguments.pop("model"), **arguments)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
