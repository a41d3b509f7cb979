"""Small records, for the tests of what writes and reads them."""

from pathlib import Path

import pytest

from tests.helpers.small_records import write


@pytest.fixture(scope="module")
def folder(tmp_path_factory, deterministic) -> Path:
    """Records of the images in tests/helpers/small_records.py; to be read only."""
    path = tmp_path_factory.mktemp("records") / "records"
    write(path)
    return path
