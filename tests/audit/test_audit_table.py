"""The numbers in an audit, against counts made one by one."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd

from scenes.audit.audit_table import COLUMNS, FATAL, clean_test, summary
from tests.helpers.audited import plain_rows, table


def archive(classes) -> SimpleNamespace:
    """Stand in for the archive: what the summary takes from it."""
    skipped = Counter({".cfg": 4, ".txt": 5})
    return SimpleNamespace(classes=classes, litter=1, outside=2, case_collisions=3, skipped=skipped)


def test_counts_are_those_of_the_splits_that_the_archive_has():
    rows = [*plain_rows(5, 0, 2), ("train/lake/x", "train", "lake", "x", "x", "corrupt")]
    numbers = summary(table(rows), archive(("lake", "moor")))
    assert numbers["images"] == {"train": 11, "val": 4, "test": 0, "pred": 2, "total": 17}
    assert numbers["usable"] == {"train": 10, "val": 4, "test": 0, "pred": 2, "total": 16}
    assert numbers["classes"] == {"lake": {"train": 5, "val": 2}, "moor": {"train": 5, "val": 2}}
    assert numbers["ignored"] == {"litter": 1, "outside_layout": 2, "other_suffixes": 9}
    assert "clean_test" not in numbers
    numbers = summary(table([*plain_rows(3), *plain_rows(3, 0, labels=["owl"])]), archive(("lake", "moor", "owl")))
    assert numbers["classes"]["owl"] == {"train": 3, "test": 0}
    assert numbers["clean_test"] == {"images": 6, "share": 1.0}


def test_validation_images_spoil_test_images_as_training_images_do():
    rows = [
        *plain_rows(5, 3, 2),
        ("val/lake/a", "val", "lake", "a", "testlake0", ""),
        ("train/moor/b", "train", "moor", "b", "testmoor1", "damaged"),
        ("train/moor/c", "train", "moor", "c", "testmoor2", "corrupt"),
        ("pred/d", "pred", "", "d", "testlake2", ""),
    ]
    audit = table(rows)
    assert clean_test(audit) == {"test/lake/1", "test/lake/2", "test/moor/0", "test/moor/2"}
    assert summary(audit, archive(("lake", "moor")))["duplicates"]["near"]["train_and_test"] == {
        "groups": 2,
        "images": 4,
    }


def test_counts_by_class_are_those_made_one_by_one():
    rng = np.random.default_rng(0)
    count, classes = 5000, [f"class {number:03}" for number in range(100)]
    audit = pd.DataFrame(dict.fromkeys(COLUMNS, ""), index=range(count))
    audit["path"] = audit["sha256"] = audit["group"] = [f"{number:06}" for number in range(count)]
    audit["split"] = rng.choice(["train", "val", "test", "pred"], count)
    audit["label"] = np.where(audit["split"] == "pred", "", rng.choice(classes[1:], count))
    audit["problem"] = rng.choice(["", *FATAL], count)
    counted = Counter(
        (row.label, row.split) for row in audit.itertuples() if row.split != "pred" and row.problem not in FATAL
    )
    assert summary(audit, archive(classes))["classes"] == {
        label: {split: counted[label, split] for split in ("train", "val", "test")} for label in classes
    }
