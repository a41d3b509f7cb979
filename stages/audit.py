"""Look at every image of the archive once: data/audit.csv, metrics/audit.json, plots/audit/."""

from scenes.archive.layout import Archive
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.tables import write_json
from scenes.config.params import read, to_dict
from scenes.dataset import audit_table
from scenes.dataset.audit import audit
from scenes.dataset.audit_table import summary
from scenes.plots import audit as plots_audit
from stages import checked_stage

ARCHIVE = "data/raw/archive.zip"
TABLE, METRICS, PLOTS = "data/audit.csv", "metrics/audit.json", "plots/audit"


def main() -> None:
    params = read()
    with (
        Archive.from_settings(ARCHIVE, to_dict(params.archive)) as archive,
        atomic_write(TABLE, METRICS) as (table_path, metrics_path),
        atomic_dir(PLOTS) as plots_path,
    ):
        table = audit(
            archive,
            max_pixels=params.archive.max_pixels,
            near_duplicate_distance=params.audit.near_duplicate_distance,
        )
        numbers = summary(table, archive)
        audit_table.write(table, table_path)
        write_json(metrics_path, numbers)
        plots_audit.plot(table, archive, plots_path, max_pixels=params.archive.max_pixels)


if __name__ == "__main__":
    with checked_stage("audit"):
        main()
