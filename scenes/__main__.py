"""``python -m scenes``: the command ``scenes`` where the package is not installed, as in a checkout."""

from scenes.commands.main import main

if __name__ == "__main__":
    raise SystemExit(main())
