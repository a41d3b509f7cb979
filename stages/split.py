"""Divide the images into train, val, test and pred; leave out what the audit found to teach nothing."""

from scenes import audit_table
from scenes import split as splits
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import read

AUDIT = "data/audit.csv"
SPLIT = "data/split.csv"


def main() -> None:
    params = read()
    audit = audit_table.read(AUDIT)
    table = splits.split(
        audit,
        val_fraction=params.split.val_fraction,
        seed=params.seed,
        drop_train_duplicates_of_test=params.split.drop_train_duplicates_of_test,
        drop_conflicting_duplicates=params.split.drop_conflicting_duplicates,
    )
    with replacing(SPLIT) as path:
        splits.write(table, path)
    counts = ", ".join(f"{name} {(table['split'] == name).sum():,}" for name in ("train", "val", "test", "pred"))
    print(f"split: {counts}; {len(audit) - len(table):,} of {len(audit):,} images left out")


if __name__ == "__main__":
    with one_sentence():
        main()
