"""Divide the images into train, val, test and pred, without those that must not be used: data/split.csv."""

from scenes.common.files import atomic_write
from scenes.common.tables import write_json
from scenes.config.params import read, to_dict
from scenes.dataset import audit_table, split
from stages import checked_stage

AUDIT = "data/audit.csv"
TABLE = "data/split.csv"
PARAMS = "data/split.json"  # the parameters used here, for the provenance of the models


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
    with atomic_write(TABLE, PARAMS) as (table_file, params_file):
        split.write(table, table_file)
        write_json(params_file, {"seed": params.seed, "split": to_dict(params.split)})
    counts = ", ".join(f"{name} {(table['split'] == name).sum():,}" for name in ("train", "val", "test", "pred"))
    print(f"split: {counts}; {len(audit) - len(table):,} of {len(audit):,} images left out")


if __name__ == "__main__":
    with checked_stage("split"):
        main()
