"""``scenes check``: check params.yaml and name the first key that is wrong."""

import argparse

from scenes.commands.argument_types import local_path
from scenes.config import schema


def main(argv: list[str] | None = None) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(
        prog="scenes check", description="Check params.yaml and name the first key that is wrong."
    )
    parser.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        type=local_path,
        default="params.yaml",
        help="another file (default: %(default)s)",
    )
    path = parser.parse_args(argv).path
    schema.check_watch(schema.check(path))
    print(f"{path} is valid")
    return 0
