"""One module per pipeline stage: read params, call ``scenes``, write outputs. Nothing imports a stage."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from scenes.common.errors import exit_on_input_error
from scenes.provenance.code import checked, digest, fingerprints, text

ROOT = Path(__file__).absolute().parents[1]


@contextmanager
def checked_stage(name: str) -> Iterator[None]:
    """Run a stage: no code but that which code/<name>.txt names, and an error of the user's in one sentence."""
    with exit_on_input_error(), checked(code_text(name), ROOT / "code" / f"{name}.txt", ROOT):
        yield


@cache
def code_text(name: str) -> str:
    """Return what code/<name>.txt should hold, of the code as it was when this was first asked."""
    return text(fingerprints(f"stages.{name}", ROOT))


def code_digest(name: str) -> str:
    """Return what stands for all of the code of a stage in provenance.json and beside the state of a training."""
    return digest(code_text(name))
