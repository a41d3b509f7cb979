"""The processes that train one model together, as their launcher describes them in environment variables."""

import os
import re
from dataclasses import dataclass

from scenes.common.errors import InputError

_ADDRESS, _COUNT, _NUMBER = (f"KERAS_DISTRIBUTION_{name}" for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID"))
_SLURM_PORTS = 2**12  # JAX's choice: the last ports, so that two jobs rarely have the same


@dataclass(frozen=True)
class Processes:
    """One process among those that train together.

    Attributes:
        count: how many there are.
        number: that of this one, counted from 0.
        address: ``host:port`` where process 0 listens; empty if there is only one.
    """

    count: int = 1
    number: int = 0
    address: str = ""

    @property
    def endpoint(self) -> tuple[str, int]:
        """Return host and port of the address."""
        host, _, port = self.address.rpartition(":")
        return host.strip("[]"), int(port)


def from_environment() -> Processes:
    """Return this process among the others, by the variables of ``keras.distribution.initialize`` or else of Slurm.

    Raises:
        InputError: a variable is missing or wrong, or Keras' backend is not JAX.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if _COUNT in os.environ:
        count, number, addresses = (os.environ.get(name, "") for name in (_COUNT, _NUMBER, _ADDRESS))
        if not (count.isdecimal() and number.isdecimal() and int(number) < int(count)):
            raise InputError(
                f"{_COUNT} is {count!r} and {_NUMBER} is {number!r}; set the first to the number of processes, and the "
                "second to a number of its own for each process, counted from 0"
            )
        if int(count) > 1 and backend != "jax":
            raise InputError(f"{_COUNT} is {count}, but KERAS_BACKEND is {backend}; set it to jax or unset {_COUNT}")
        address = addresses.split(",")[0]
        match = re.fullmatch(r"(?:[\w.-]+|\[[\da-fA-F:.]+\]):([0-9]{1,5})", address)
        if not match or not 0 < int(match[1]) < 2**16:
            raise InputError(f"{_ADDRESS} is {addresses!r}; set it to the host and a free port of process 0: host:port")
        return Processes(int(count), int(number), address)
    # A step of several tasks: `srun`, not the batch script around it.
    if backend == "jax" and int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        first = re.sub(r"\[(\w+).*", r"\1", os.environ["SLURM_STEP_NODELIST"]).split(",")[0]  # of e.g. node[01-16],b
        port = 2**16 - _SLURM_PORTS + int(os.environ["SLURM_JOB_ID"]) % _SLURM_PORTS
        return Processes(int(os.environ["SLURM_STEP_NUM_TASKS"]), int(os.environ["SLURM_PROCID"]), f"{first}:{port}")
    return Processes()
