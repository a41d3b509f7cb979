"""Running out of memory, in one sentence."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from scenes.common.errors import InputError, exit_on_input_error
from scenes.common.system_failures import is_out_of_memory

# With two threads, all stages run in this. In 3 GB, threads that cannot start end `train`, and `export` runs out of
# memory.
_ADDRESS_SPACE = 4 << 30


@exit_on_input_error()
def check_address_space() -> None:
    """End this process if a limit on its address space is too low for the libraries.

    They would not raise a MemoryError: OpenBLAS tries for minutes to get memory, pandas and LLVM end the process.

    Raises:
        SystemExit: the limit is below 4 GB.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _ADDRESS_SPACE:
        raise InputError(
            f"a process may use {limit >> 20} MB of address space, and the libraries need {_ADDRESS_SPACE >> 20}; "
            "raise the limit (`ulimit -v`) and run again"
        )


@contextmanager
def out_of_memory(advice: str) -> Iterator[None]:
    """Turn the errors that mean "out of memory" into one sentence; other exceptions pass.

    Args:
        advice: what was done, with the sizes that decide, and what to lower: "in ..., with ...; lower ...".

    Raises:
        InputError: the memory of the machine or of the device did not suffice.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise InputError(f"out of memory {advice}") from error
        raise
