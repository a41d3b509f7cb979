"""What ``python -m module`` does and says, in this process: that spares the seconds in which libraries are imported."""

import io
import os
import runpy
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace


def run_module(
    module: str, *arguments: object, folder: Path, environment: Mapping[str, str] | None = None
) -> SimpleNamespace:
    """Run a module as a command, and return its ``returncode``, ``stdout`` and ``stderr``.

    Args:
        module: dotted.
        arguments: of the command.
        folder: where to run it.
        environment: all variables; None: those there are.
    """
    out, err, status = io.StringIO(), io.StringIO(), 0
    argv = sys.argv
    with in_folder(folder, environment), redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that the module has been imported, too
        sys.argv = [module, *map(str, arguments)]
        try:
            runpy.run_module(module, run_name="__main__")
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            sys.argv = argv
    return SimpleNamespace(returncode=status, stdout=out.getvalue(), stderr=err.getvalue())


@contextmanager
def in_folder(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Be in ``folder``, with other variables in the environment if there are any, and come back."""
    before = dict(os.environ)
    with chdir(folder):
        try:
            if environment is not None:
                os.environ.clear()
                os.environ.update(environment)
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
