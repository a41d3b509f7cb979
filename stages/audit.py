"""Decode every image of the archive and write what is found: data/audit.csv, data/scores/audit.json, plots/audit/."""

from pathlib import Path

from scenes.audit import audit_findings, audit_table
from scenes.audit.audit import audit, file_keys
from scenes.audit.near_duplicate_scores import near_duplicate_scores
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.tables import write_json
from scenes.config.params import read, to_dict
from scenes.dataset import audit_checks
from scenes.executors import executor, reuse
from scenes.layout.layout import Archive
from scenes.layout.summary import summary
from scenes.plots.audit import plot
from scenes.synthetic import ground_truth
from stages import checked_stage, code_digest

ARCHIVE = "data/raw"
TABLE = "data/audit.csv"
SCORES = "data/scores/audit.json"
PLOTS = "plots/audit"
INSPECTED = "data/inspected"
KEYS = "data/keys/audit.json"  # not in the folder, because they change with the code
KEPT = Path(".resume/audit")  # of a killed audit


def main() -> None:
    params = read()
    max_pixels = params.archive.max_pixels
    with Archive.from_settings(ARCHIVE, to_dict(params.archive)) as archive:
        print(*summary(archive.found), sep="\n", flush=True)
        distance = params.audit.near_duplicate_distance
        code = code_digest("audit")
        kept = executor.kept(KEPT, code)  # the shards hold the checksums of their images
        with kept as run, reuse.renewed(INSPECTED, KEYS, file_keys(archive, (code, max_pixels))) as folder:
            found = audit(archive, folder, max_pixels=max_pixels, near_duplicate_distance=distance, run=run)
        table = found.table
        # Written before anything is refused, as it says why. DVC keeps the outputs of a stage that failed.
        with atomic_write(TABLE) as table_file:
            audit_table.write(table, table_file)
        audit_checks.refuse_unusable(table, ARCHIVE, TABLE, found.not_read)
        numbers = audit_table.summary(table, archive)
        lines = audit_findings.lines(numbers, found.mirrored_classes, found.not_read)
        for line in (*lines, *audit_findings.small_classes(table)):
            print(line)
        numbers["mirrored_classes"] = {"pairs": len(found.mirrored_classes)}
        drawn = ground_truth.read(archive)
        if drawn is not None:
            numbers["planted"] = {"near_duplicates": near_duplicate_scores(table, drawn)}
        with atomic_write(SCORES) as scores_file, atomic_dir(PLOTS) as plots:
            write_json(scores_file, numbers)
            plot(table, archive, plots, max_pixels=max_pixels)


if __name__ == "__main__":
    with checked_stage("audit"):
        main()
