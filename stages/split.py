"""Divide the images into train, val, test and pred; leave out what the audit found to teach nothing."""

import json

from scenes import audit_table
from scenes import split as splits
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import plain, read

AUDIT = "data/audit.csv"
SPLIT = "data/split.csv"
PARAMS = "data/split.json"  # what made it, for the models' provenance


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
    made_with = {"seed": params.seed, "split": plain(params.split)}
    with replacing(SPLIT, PARAMS) as (path, params_path):
        splits.write(table, path)
        params_path.write_text(json.dumps(made_with, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    counts = ", ".join(f"{name} {(table['split'] == name).sum():,}" for name in ("train", "val", "test", "pred"))
    print(f"split: {counts}; {len(audit) - len(table):,} of {len(audit):,} images left out")


if __name__ == "__main__":
    with one_sentence():
        main()
