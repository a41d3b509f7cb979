"""Find labels that may be wrong: data/label_issues.csv, data/scores/label_issues.json, plots/label_issues/."""

from pathlib import Path

import numpy as np

from scenes.audit import audit_table
from scenes.backbones.features import load_labelled_features
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.tables import write_json
from scenes.config.params import read, to_dict
from scenes.dataset import corrections
from scenes.evaluation import label_issues
from scenes.layout.layout import Archive
from scenes.plots import feature_map, galleries, style
from scenes.process.runtime import configure
from scenes.synthetic import ground_truth
from stages import checked_stage

ARCHIVE = "data/raw"
AUDIT = "data/audit.csv"
FEATURES = Path("data/features")
TABLE = "data/label_issues.csv"
SCORES = "data/scores/label_issues.json"
PLOTS = "plots/label_issues"
MAPPED = 20_000  # points of the feature map, at most; more hide each other


def main() -> None:
    params = read()
    configure(seed=params.seed, threads=params.threads)
    settings, audit = params.label_issues, audit_table.read(AUDIT)
    images = load_labelled_features(FEATURES / settings.features)
    judged, limits = label_issues.judge_features(images, audit, folds=settings.folds, C=settings.C, seed=params.seed)
    corrected = corrections.read(f"corrections/{params.profile}.csv", audit)
    table = label_issues.combine(judged, corrections.apply(audit, corrected), corrected=corrected["path"])
    counts = label_issues.count_issues(table, judged, images.classes)
    with (
        Archive.from_settings(ARCHIVE, to_dict(params.archive)) as archive,
        atomic_write(TABLE, SCORES) as (table_file, scores_file),
        atomic_dir(PLOTS) as plots,
    ):
        planted = ground_truth.read(archive)
        if planted is not None:
            counts["planted"] = label_issues.score_planted(table, judged, corrections.apply(planted, corrected))
        label_issues.write(table, table_file)
        write_json(scores_file, counts)
        sheet = {"count": settings.shown, "max_pixels": params.archive.max_pixels}
        style.save(galleries.label_issues_figure(table, archive, **sheet), plots / "contact_sheet.png")
        mapped, title = images.sample(MAPPED), "Labelled images by their features, and label issues"
        if len(mapped.key) < len(images.key):
            title += f": {len(mapped.key):,} of {len(images.key):,}"
        ringed, file = np.isin(np.char.decode(mapped.key), table["key"]), plots / "feature_map.png"
        feature_map.plot(file, mapped.features, mapped.label, mapped.classes, ringed, title=title)
    print(label_issues.format_summary(counts, limits))


if __name__ == "__main__":
    with checked_stage("label_issues"):
        main()
