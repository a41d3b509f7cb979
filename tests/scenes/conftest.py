"""What the tests of the library share: TensorFlow set up as the stages set it up."""

import sys

import pytest


@pytest.fixture(scope="session")
def deterministic():
    """TensorFlow configured once, before any test runs an op."""
    from scenes.determinism import configure

    assert "tensorflow" not in sys.modules or not _has_run()
    configure(seed=0, threads=2)


def _has_run() -> bool:
    from tensorflow.python.eager import context

    return context.context()._initialized
