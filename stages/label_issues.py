"""Name the images whose label may be wrong: data/label_issues.csv, its counts and pictures."""

import json
from pathlib import Path

import numpy as np

from scenes.archive.layout import Archive
from scenes.common.files import atomic_dir, atomic_write
from scenes.common.runtime import configure
from scenes.config.params import read, to_dict
from scenes.dataset import audit_table
from scenes.evaluation import label_issues
from scenes.models import classifier_features
from scenes.plots import feature_map, galleries
from scenes.synthetic import ground_truth
from stages import checked_stage

TABLE, METRICS, PLOTS = "data/label_issues.csv", "metrics/label_issues.json", "plots/label_issues"


def main() -> None:
    params = read()
    configure(seed=params.seed, threads=params.threads)
    source = params.profile_settings.label_issue_features
    if source == "features":
        images = classifier_features.from_features("data/features")
    else:
        images = classifier_features.from_model(Path("models") / params.label_issues.cnn, "data")
    audit = audit_table.read("data/audit.csv")
    keys = np.char.decode(images.key)
    probabilities = label_issues.out_of_fold(
        images.features,
        images.label,
        audit.set_index("path")["group"].loc[keys].to_numpy(),
        images.classes,
        folds=params.label_issues.folds,
        C=params.label_issues.C,
        seed=params.seed,
    )
    judged = label_issues.judge(keys, images.label, probabilities, images.classes)
    table = label_issues.label_issues(judged, audit)
    numbers = label_issues.summary(table, judged, images.classes)
    with (
        Archive(
            "data/raw/archive.zip",
            layout=to_dict(params.archive.layout),
            max_member_bytes=params.archive.max_member_bytes,
            max_ratio=params.archive.max_ratio,
        ) as archive,
        atomic_write(TABLE, METRICS) as (table_file, metrics_file),
        atomic_dir(PLOTS) as plots,
    ):
        answers = ground_truth.read(archive)
        if answers is not None:
            numbers["planted"] = label_issues.planted(table, judged, answers)
        label_issues.write(table, table_file)
        metrics_file.write_text(json.dumps(numbers, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        galleries.plot_label_issues(
            plots / "contact_sheet.png",
            table,
            archive,
            count=params.label_issues.shown,
            max_pixels=params.archive.max_pixels,
        )
        feature_map.plot(
            plots / "feature_map.png",
            images.features,
            images.label,
            images.classes,
            np.isin(keys, table["key"]),
            title=f"Labelled images by their features ({source})",
        )
    print(label_issues.format_summary(numbers))


if __name__ == "__main__":
    with checked_stage("label_issues"):
        main()
