"""Divide the images into train, val, test and pred; leave out what the audit found to teach nothing."""

import json

from scenes.common.files import atomic_write
from scenes.config.params import read, to_dict
from scenes.dataset import audit_table, split
from stages import checked_stage

AUDIT = "data/audit.csv"
SPLIT = "data/split.csv"
PARAMS = "data/split.json"  # what made it, for the models' provenance


def main() -> None:
    params = read()
    audit = audit_table.read(AUDIT)
    table = split.split(
        audit,
        val_fraction=params.split.val_fraction,
        seed=params.seed,
        drop_train_duplicates_of_test=params.split.drop_train_duplicates_of_test,
        drop_conflicting_duplicates=params.split.drop_conflicting_duplicates,
    )
    made_with = {"seed": params.seed, "split": to_dict(params.split)}
    with atomic_write(SPLIT, PARAMS) as (path, params_path):
        split.write(table, path)
        params_path.write_text(json.dumps(made_with, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    counts = ", ".join(f"{name} {(table['split'] == name).sum():,}" for name in ("train", "val", "test", "pred"))
    print(f"split: {counts}; {len(audit) - len(table):,} of {len(audit):,} images left out")


if __name__ == "__main__":
    with checked_stage("split"):
        main()
