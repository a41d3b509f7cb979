"""Look at every image of the archive once: data/audit.csv, metrics/audit.json, plots/audit/."""

import json

from scenes import audit_plots, audit_table
from scenes.archive import Archive
from scenes.audit import audit
from scenes.audit_summary import summary
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import plain, read

ARCHIVE = "data/raw/archive.zip"
TABLE, METRICS, PLOTS = "data/audit.csv", "metrics/audit.json", "plots/audit"


def main() -> None:
    params = read()
    with (
        Archive(
            ARCHIVE,
            layout=plain(params.archive.layout),
            max_member_bytes=params.archive.max_member_bytes,
            max_ratio=params.archive.max_ratio,
        ) as archive,
        replacing(TABLE, METRICS) as (table_path, metrics_path),
        replacing(PLOTS, folder=True) as plots_path,
    ):
        table = audit(
            archive,
            max_pixels=params.archive.max_pixels,
            near_duplicate_distance=params.audit.near_duplicate_distance,
        )
        numbers = summary(table, archive)
        audit_table.write(table, table_path)
        metrics_path.write_text(json.dumps(numbers, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        audit_plots.draw(table, archive, plots_path, max_pixels=params.archive.max_pixels)


if __name__ == "__main__":
    with one_sentence():
        main()
