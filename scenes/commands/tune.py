"""``scenes tune``: search for better settings of a CNN with Optuna; each trial is an experiment.

    make tune                                                        # or: python -m scenes tune
    python -m scenes tune baseline --trials 20 --storage journal:/shared/tune.log --worker 3

A search that was interrupted continues when it is started again. See docs/experiments.md.
"""

import os
import re
from urllib.parse import unquote_plus

from scenes.commands.argument_types import whole_number
from scenes.commands.trial_options import trial_parser
from scenes.common.errors import InputError

VARIABLE, DEFAULT = "TUNE_STORAGE", "sqlite:///tune.db"
PASSWORD = re.compile(r"^[^:]+://[^/]*:.*@")  # in the URL of a database
# Those of libpq and of MySQL's clients: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
SECRET = re.compile(r"(passw(or)?d|passcode|pwd|token|client_secret|scram_(client|server)_key)\s*=", re.IGNORECASE)


def main(argv: list[str] | None = None) -> int:
    """Return the exit status.

    Raises:
        InputError: Optuna is not installed, --storage contains a password, or the search cannot run; see
            :func:`scenes.experiments.tuning.tune`.
    """
    parser = trial_parser("tune", "Search for better settings of a CNN with Optuna; each trial is an experiment.")
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        default="baseline",
        help="an entry of tune.yaml (default: %(default)s)",
    )
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="where the study is stored: the URL of a database, without a password, or journal:<file> (default: "
        f"${VARIABLE} or {DEFAULT})",
    )
    parser.add_argument("--study", help="the name of the study (default: <profile>-<model>)")
    parser.add_argument(
        "--trials", type=whole_number(0), help="trials in total, over all workers; 0 only creates the study"
    )
    parser.add_argument(
        "--worker", type=whole_number(0), default=0, help="a different number for each worker on the same study"
    )
    arguments = vars(parser.parse_args(argv))
    given = arguments["storage"] or ""
    if PASSWORD.search(given) or SECRET.search(unquote_plus(given)):
        raise InputError(
            f"--storage contains a password, which all users of this machine can see; set {VARIABLE} to this address, "
            "or keep the password in ~/.pgpass or another file of your database's client"
        )
    origins = {"--storage": given, VARIABLE: os.environ.get(VARIABLE), DEFAULT: DEFAULT}
    origin, arguments["storage"] = next((name, address) for name, address in origins.items() if address)
    try:
        from scenes.experiments import search, tuning
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise InputError("Optuna, which proposes the trials, is not installed; `make tune` installs it") from None
    try:
        tuning.tune(arguments.pop("model"), **arguments)
    except search.StorageError as error:
        raise InputError(f"{origin}: {error}") from None
    return 0
