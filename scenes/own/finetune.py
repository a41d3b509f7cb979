"""Whether ``scenes own`` fine-tunes the backbone: as asked, or where TensorFlow has a GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

DEV = Path("/dev")
DEVICES = "nvidia[0-9]*", "dxg"  # in DEV; the second is that of WSL 2
# In another process: TensorFlow takes memory, and part of the GPU's, for as long as the process lives.
NAMES = "import json; from scenes.process.runtime import gpu_names; print(json.dumps(gpu_names()))"


class Finetuning(NamedTuple):
    """Whether the backbone is fine-tuned.

    Attributes:
        enabled: the answer.
        why: the reason, as the end of a sentence.
    """

    enabled: bool
    why: str


def decide(asked: bool | None, kept: bool | None = None) -> Finetuning:
    """Return whether to fine-tune.

    Args:
        asked: what a person asks for; None: nothing.
        kept: what params.yaml says and should stay; None: nothing.
    """
    if asked is not None:
        return Finetuning(asked, f"as `--{'' if asked else 'no-'}finetune` says")
    if kept is not None:
        return Finetuning(kept, "as params.yaml says")
    if not has_device():
        return Finetuning(False, "because there is no GPU")
    names = gpu_names()
    if not names:
        return Finetuning(False, "because TensorFlow does not use the GPU, see docs/gpu.md")
    return Finetuning(True, f"because there is a GPU, {names[0]}")


def has_device() -> bool:
    """Return whether there is a device file of a GPU that TensorFlow may be able to use; it takes no time."""
    return any(any(DEV.glob(pattern)) for pattern in DEVICES)


def gpu_names() -> list[str]:
    """Return the models of the GPUs that TensorFlow uses, as a stage would find them; it takes seconds."""
    done = subprocess.run(
        [sys.executable, "-c", NAMES],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"},  # which fine-tunes
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout) if done.returncode == 0 else []
