"""The command ``scenes``: it runs the sub-commands."""

import argparse
import importlib
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from scenes.commands.checkout import is_checkout
from scenes.commands.repair import repair
from scenes.common.errors import InputError, exit_on_input_error
from scenes.common.words import nearest
from scenes.download.source import beginning
from scenes.process.memory import check_address_space


class Command(NamedTuple):
    """A sub-command.

    Attributes:
        module: has ``main(argv: list[str])``, which returns the exit status.
        help: what it does, in one line.
        anywhere: whether it runs outside a checkout of the project.
    """

    module: str
    help: str
    anywhere: bool = False


COMMANDS = {
    "look": Command("scenes.own.look", "say what is in a folder or archive of pictures", True),
    "own": Command("scenes.own.own", "run the pipeline on your own pictures"),
    "predict": Command("scenes.commands.predict", "classify images, folders and zips with a trained model", True),
    "score": Command("scenes.own.score", "score the model on other labelled pictures", True),
    "corrections": Command("scenes.commands.corrections", "merge corrected labels, or sum them up"),
    "provenance": Command("scenes.commands.provenance", "show what made a model, from archive to scores"),
    "experiments": Command("scenes.commands.experiments", "show what each experiment changed, and its scores"),
    "review": Command("scenes.commands.review", "compare scores, parameters and pictures with another commit"),
    "verify": Command("scenes.commands.verify", "run the pipeline in fresh clones and compare with dvc.lock"),
    "repair": Command("scenes.commands.repair", "mend what a killed dvc has left, so that dvc runs again"),
    "remote": Command("scenes.commands.remote", "find damaged objects on a DVC remote", True),
    "check": Command("scenes.commands.check", "check params.yaml", True),
    "plots-page": Command("scenes.commands.plots_page", "write the page for `dvc plots` that opens offline", True),
    "diagram": Command("scenes.commands.diagram", "draw dvc.yaml in README.md and docs/pipeline.md"),
    "trials": Command("scenes.commands.trials", "run the write-ups' trials as experiments"),
    "tune": Command("scenes.commands.tune", "search for better settings"),
}
# They load TensorFlow, which ends in crashes where memory is limited.
LARGE = {"predict", "score"}
# They start DVC or read dvc.lock, so what a killed `dvc` has left is mended first.
USE_DVC = {"own", "provenance", "experiments", "review", "verify", "remote", "diagram", "trials", "tune"}


def main(argv: list[str] | None = None) -> int:
    """Run the command that ``argv`` names and return the exit status.

    Raises:
        SystemExit: an InputError or wrong arguments, reported in one line on stderr; or --help.
    """
    with exit_on_input_error():
        try:
            status = _run(sys.argv[1:] if argv is None else argv)
            sys.stdout.flush()
        except BrokenPipeError:
            # `| head` has ended: https://docs.python.org/3/library/signal.html#note-on-sigpipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 141
    return status


def _run(argv: list[str]) -> int:
    parser = _parser()
    # Options before the name of the command are for this parser, all after it for the command.
    arguments = parser.parse_args(argv[:1])
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return 2
    return _run_command(arguments.command, argv[1:])


def _run_command(name: str, argv: list[str]) -> int:
    command = COMMANDS.get(name)
    if command is None:
        near = nearest(name, COMMANDS)
        hint = f"did you mean `scenes {near}`?" if near else "`scenes --help` lists them"
        raise InputError(f"there is no command {beginning(name)!r}; {hint}")
    asks_for_help, in_checkout = bool({"-h", "--help"} & {*argv}), is_checkout(Path())
    if not (command.anywhere or asks_for_help or in_checkout):
        raise InputError(
            f"`scenes {name}` needs a checkout of the project; run it in the folder that holds params.yaml"
        )
    if name in USE_DVC and in_checkout and not asks_for_help:
        repair()
    if name in LARGE and not asks_for_help:
        check_address_space()
    module = importlib.import_module(command.module)  # only now: `scenes --help` should not wait for NumPy
    return module.main(argv)


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {command.help}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="scenes",
        usage="scenes COMMAND [ARGUMENT ...]",
        description="Reproducible image classification.",
        epilog=f"commands:\n{listed}\n\n`scenes COMMAND --help` says more about one of them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"scenes {_version()}")
    parser.add_argument("command", nargs="?", metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


def _version() -> str:
    try:
        return metadata.version("scenes")
    except metadata.PackageNotFoundError:
        return "(a checkout, not installed)"
