"""What becomes of small archives as people pack their own pictures, from the zip to the split."""

from types import SimpleNamespace

import pytest
import yaml

from scenes.audit import audit_findings, audit_table
from scenes.audit.audit import audit
from scenes.common.errors import InputError
from scenes.dataset import audit_checks, split
from scenes.layout.layout import Archive
from tests.code_facts import ROOT
from tests.helpers import own_archives

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


def divided(name, folder, **options) -> SimpleNamespace:
    """Return what the audit and the split find in an archive of tests/helpers/own_archives.py."""
    with Archive.from_settings(own_archives.write(name, folder), PARAMS["archive"]) as archive:
        table = audit(archive, folder, max_pixels=10**6, near_duplicate_distance=4, processes=1).table
        numbers = audit_table.summary(table, archive)
    audit_checks.refuse_unusable(table, f"{name}.zip", "audit.csv")
    found = split.split(table, seed=42, **PARAMS["split"] | options)
    final = split.final_splits(table, found.table)
    counts = found.table.groupby(["label", "split"]).size().unstack(fill_value=0)
    return SimpleNamespace(audit=table, final=final, numbers=numbers, counts=counts, **found._asdict())


def sizes(found) -> dict[str, list[int]]:
    """Return the number of images in train, val and test, by class."""
    return {label: [int(row[name]) for name in ("train", "val", "test")] for label, row in found.counts.iterrows()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no_split", [9, 1, 2]),
        ("train_val", [10, 12, 2]),
        ("train_valid_test", [12, 12, 12]),
        ("images_and_csv", [9, 1, 2]),
        ("capital_splits", [11, 1, 12]),
        ("split_inside_class", [11, 1, 12]),
        ("case_differs_between_splits", [11, 1, 12]),
        ("upload_litter", [11, 1, 12]),
        ("easy_and_small", [54, 6, 60]),
    ],
)
def test_each_class_is_in_train_val_and_test(tmp_path, name, expected):
    found = divided(name, tmp_path)
    assert sizes(found) == {"cat": expected, "dog": expected}
    assert not found.left_out
    own = set(found.audit["split"])
    assert ("clean_test" in found.numbers) == ("test" in own)
    # The pictures are all different, so every test image is clean, held out or not.
    assert len(audit_table.clean_test(found.final)) == 2 * expected[2]


def test_a_class_of_four_images_is_divided_and_remarked_on(tmp_path):
    found = divided("few_of_a_class", tmp_path)
    assert sizes(found) == {"cat": [11, 1, 12], "dog": [3, 1, 4]}
    (remark,) = audit_findings.small_classes(found.audit)
    assert remark.startswith("few images: 'dog' has 8; ")


def test_a_class_that_lacks_test_images_is_held_out_or_left_out(tmp_path):
    found = divided("one_class_lacks_test", tmp_path)
    assert sizes(found) == {"cat": [11, 1, 12], "dog": [11, 1, 12], "owl": [4, 1, 1]}
    assert found.held_out["test"] == {"owl": (1, 6)}
    assert sizes(divided("one_class_lacks_test", tmp_path, without_test="drop")) == {
        "cat": [11, 1, 12],
        "dog": [11, 1, 12],
    }


def test_web_pages_are_said_with_an_example(tmp_path):
    with pytest.raises(InputError, match=r"24 of 24 files are web pages, e\.g\. 'test/cat/\d+\.jpg'; see audit\.csv"):
        divided("web_pages", tmp_path)
