"""The stages of the pipeline: each reads params.yaml, calls ``scenes`` and writes its outputs. No stage is imported."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from scenes.common.errors import exit_on_input_error
from scenes.provenance.code import checked, digest, fingerprints, text

ROOT = Path(__file__).absolute().parents[1]


@contextmanager
def checked_stage(name: str) -> Iterator[None]:
    """Run a stage with only the code that code/<name>.txt lists; report an InputError in one sentence."""
    with exit_on_input_error(), checked(code_text(name), ROOT / "code" / f"{name}.txt", ROOT):
        yield


@cache
def code_text(name: str) -> str:
    """Return the content of code/<name>.txt for the code as it was at the first call."""
    return text(fingerprints(f"stages.{name}", ROOT))


def code_digest(name: str) -> str:
    """Return the hash of all code of a stage, for provenance.json and for the state of a training."""
    return digest(code_text(name))
