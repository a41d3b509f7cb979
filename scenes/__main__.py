"""``python -m scenes``: the command ``scenes`` without installing the package, as in a checkout."""

from scenes.commands.main import main

if __name__ == "__main__":
    raise SystemExit(main())
