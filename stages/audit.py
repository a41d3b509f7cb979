"""Decode every image of the archive once and write what is found: data/audit.csv, metrics/audit.json, plots/audit/."""

from scenes.archive.layout import Archive
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.tables import write_json
from scenes.config.params import read, to_dict
from scenes.dataset import audit_table
from scenes.dataset.audit import audit
from scenes.plots.audit import plot
from stages import checked_stage

ARCHIVE = "data/raw/archive.zip"
TABLE = "data/audit.csv"
METRICS = "metrics/audit.json"
PLOTS = "plots/audit"


def main() -> None:
    params = read()
    max_pixels = params.archive.max_pixels
    with (
        Archive.from_settings(ARCHIVE, to_dict(params.archive)) as archive,
        atomic_write(TABLE, METRICS) as (table_file, metrics_file),
        atomic_dir(PLOTS) as plots,
    ):
        table = audit(archive, max_pixels=max_pixels, near_duplicate_distance=params.audit.near_duplicate_distance)
        audit_table.write(table, table_file)
        write_json(metrics_file, audit_table.summary(table, archive))
        plot(table, archive, plots, max_pixels=max_pixels)


if __name__ == "__main__":
    with checked_stage("audit"):
        main()
