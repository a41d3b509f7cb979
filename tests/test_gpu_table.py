"""docs/gpu.md has the table that benchmarks/memory.py prints."""

import pytest

from benchmarks import memory
from tests.code_facts import ROOT

pytestmark = pytest.mark.usefixtures("deterministic")
LINES = (ROOT / "docs/gpu.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
def test_the_table_is_that_of_the_command():
    table = memory.table()
    start = LINES.index(table[0])
    assert LINES[start : start + len(table)] == table


def test_a_row_of_it():
    assert memory.row("EfficientNetLite0", 224) in LINES


def test_larger_cards_take_larger_batches_and_each_part_counts():
    needed = memory.Needs(weights=10**8, trained=10**8, stored=10**9, largest=10**7)
    batches = [memory.largest_batch(needed, card) for card in (4, 6, 8, 16, 24, 48, 80)]
    assert batches == [None, 1, 2, 4, 8, 16, 32]
    # By hand, for a batch of 2 in bfloat16: weights 4 + 2, AdamW 12, accumulation 4 bytes a weight; 2 images.
    parts = needed.parts(2, accumulation=16, size=2)
    assert sum(parts.values()) == 22 * 10**8 + 2 * (2 * 10**9 + 8 * 10**7)
    assert memory.largest_batch(memory.Needs(10**9, 10**9, 10**9, 10**7), 16) is None
