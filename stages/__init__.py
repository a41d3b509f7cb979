"""The stages of the pipeline: each reads params.yaml, calls ``scenes`` and writes its outputs. No stage is imported."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from scenes.common.errors import InputError
from scenes.common.outputs import check_inputs
from scenes.process.memory import check_address_space
from scenes.process.stage_lock import running_stage
from scenes.process.watchdog import exit_with_dvc
from scenes.provenance.code import checked, digest, fingerprints, text

ROOT = Path(__file__).absolute().parents[1]
check_address_space()  # here, because a stage imports its libraries next
exit_with_dvc()


@contextmanager
def checked_stage(name: str) -> Iterator[None]:
    """Run a stage, see :func:`running_stage`, on sound inputs, with only the code that code/<name>.txt lists."""
    with running_stage(name), checked(code_text(name), ROOT / "code" / f"{name}.txt", ROOT):
        check_inputs(" ".join([f"python -m stages.{name}", *sys.argv[1:]]))
        yield


@cache
def code_text(name: str) -> str:
    """Return the content of code/<name>.txt at the first call, with the backbones' functions that params.yaml names."""
    hashes = fingerprints(f"stages.{name}", ROOT)
    for module in sorted(_backbone_modules() if "scenes.backbones.backbone" in hashes else []):
        hashes |= fingerprints(module, ROOT)
    return text(hashes)


def _backbone_modules() -> set[str]:
    """Return the modules in the dotted names of backbones in params.yaml, of any profile.

    Raises:
        InputError: a module is in the project but not in ``scenes``, which the stage ``code`` depends on.
    """
    # Not parsed as YAML: this module needs no installed package.
    values = re.findall(r"^\s*backbone:\s*[\"']?([\w.+]+)", (ROOT / "params.yaml").read_text(encoding="utf-8"), re.M)
    modules = {name.rpartition(".")[0] for value in values for name in value.split("+")} - {""}
    for module in modules:
        if not module.startswith("scenes.") and fingerprints(module, ROOT):
            raise InputError(
                f"params.yaml: the backbone in {module} is outside scenes/, so DVC would not see changes to it; move "
                f"its file to scenes/backbones/ and name it scenes.backbones.{module.rpartition('.')[2]}.<function>"
            )
    return modules


def code_digest(name: str) -> str:
    """Return the hash of all code of a stage, for provenance.json and for the state of a training."""
    return digest(code_text(name))
