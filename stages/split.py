"""Correct labels; divide the images into train, val, test and pred, without those not to be used: data/split.csv."""

from scenes.audit import audit_table
from scenes.common.files import atomic_write
from scenes.common.tables import write_json
from scenes.config.params import read, to_dict
from scenes.dataset import corrections, split, split_summary
from stages import checked_stage

AUDIT = "data/audit.csv"
TABLE = "data/split.csv"
PARAMS = "data/split.json"  # the parameters used here and the number of corrections, for the provenance of the models


def main() -> None:
    params = read()
    audit = audit_table.read(AUDIT)
    corrected = corrections.read(f"corrections/{params.profile}.csv", audit)
    settings = to_dict(params.split)
    result = split.split_corrected(audit, corrected, seed=params.seed, **settings)
    used = {"seed": params.seed, "split": settings}
    if result.applied_corrections:
        used["corrections"] = result.applied_corrections
    with atomic_write(TABLE, PARAMS) as (table_file, params_file):
        split.write(result.table, table_file)
        write_json(params_file, used)
    fractions = {"test": params.split.test_fraction, "val": params.split.val_fraction}
    print(split_summary.format_summary(audit, result, fractions))


if __name__ == "__main__":
    with checked_stage("split"):
        main()
