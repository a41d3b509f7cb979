"""``scenes check``: check params.yaml and name the first key that is wrong."""

import argparse

from scenes.config import schema


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="scenes check", description="Check params.yaml; name the first wrong key.")
    parser.add_argument("path", nargs="?", default="params.yaml", help="another file (default: %(default)s)")
    arguments = parser.parse_args(argv)
    schema.check(arguments.path)
    print(f"{arguments.path} is valid")
