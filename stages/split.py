"""Divide the images into train, val, test and pred, without those that must not be used: data/split.csv."""

from scenes.common.files import atomic_write
from scenes.common.tables import write_json
from scenes.config.params import read, to_dict
from scenes.dataset import audit_table, split, split_summary
from stages import checked_stage

AUDIT = "data/audit.csv"
TABLE = "data/split.csv"
PARAMS = "data/split.json"  # the parameters used here, for the provenance of the models


def main() -> None:
    params = read()
    audit = audit_table.read(AUDIT)
    settings = to_dict(params.split)
    result = split.split(audit, seed=params.seed, **settings)
    with atomic_write(TABLE, PARAMS) as (table_file, params_file):
        split.write(result.table, table_file)
        write_json(params_file, {"seed": params.seed, "split": settings})
    fractions = {"test": params.split.test_fraction, "val": params.split.val_fraction}
    print(split_summary.format_summary(audit, result, fractions))


if __name__ == "__main__":
    with checked_stage("split"):
        main()
