"""Pictures are compared as in a shard."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def one_thread():
    """Give BLAS one thread: several take longer for such small products, and much longer beside other work."""
    with threadpool_limits(1, "blas"):
        yield
