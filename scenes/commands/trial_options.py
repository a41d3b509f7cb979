"""Options that `scenes trials` and `scenes tune` share."""

import argparse

from scenes.commands.argument_types import whole_number


def trial_parser(command: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the settings of every trial and the number of those at a time."""
    parser = argparse.ArgumentParser(prog=f"scenes {command}", description=description)
    parser.add_argument("-S", dest="settings", action="append", default=[], metavar="KEY=VALUE", help="for every trial")
    parser.add_argument(
        "--jobs", type=whole_number(1), default=1, help="trials at a time; each uses `threads` of params.yaml"
    )
    return parser
