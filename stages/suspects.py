"""Name the images whose label may be wrong: data/label_suspects.csv, its counts and pictures."""

import json
from pathlib import Path

import numpy as np

from scenes import audit_table, embedding_map, label_suspects, labelled_features, suspect_sheet, truth
from scenes.archive import Archive
from scenes.determinism import configure
from scenes.errors import one_sentence
from scenes.files import replacing
from scenes.params import plain, read

TABLE, METRICS, PLOTS = "data/label_suspects.csv", "metrics/label_suspects.json", "plots/label_suspects"


def main() -> None:
    params = read()
    configure(seed=params.seed, threads=params.threads)
    source = params.active.suspect_features
    if source == "embeddings":
        images = labelled_features.from_embeddings("data/embeddings")
    else:
        images = labelled_features.from_model(Path("models") / params.suspects.cnn, "data")
    audit = audit_table.read("data/audit.csv")
    keys = np.char.decode(images.key)
    probabilities = label_suspects.out_of_fold(
        images.features,
        images.label,
        audit.set_index("path")["group"].loc[keys].to_numpy(),
        images.classes,
        folds=params.suspects.folds,
        C=params.suspects.C,
        seed=params.seed,
    )
    judged = label_suspects.judge(keys, images.label, probabilities, images.classes)
    table = label_suspects.suspects(judged, audit)
    numbers = label_suspects.summary(table, judged, images.classes)
    with (
        Archive(
            "data/raw/archive.zip",
            layout=plain(params.archive.layout),
            max_member_bytes=params.archive.max_member_bytes,
            max_ratio=params.archive.max_ratio,
        ) as archive,
        replacing(TABLE, METRICS) as (table_file, metrics_file),
        replacing(PLOTS, folder=True) as plots,
    ):
        answers = truth.read(archive)
        if answers is not None:
            numbers["planted"] = label_suspects.planted(table, judged, answers)
        label_suspects.write(table, table_file)
        metrics_file.write_text(json.dumps(numbers, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        suspect_sheet.draw(
            plots / "contact_sheet.png",
            table,
            archive,
            count=params.suspects.shown,
            max_pixels=params.archive.max_pixels,
        )
        embedding_map.draw(
            plots / "embedding_map.png",
            images.features,
            images.label,
            images.classes,
            np.isin(keys, table["key"]),
            title=f"Labelled images by their features ({source})",
        )
    print(label_suspects.sentence(numbers))


if __name__ == "__main__":
    with one_sentence():
        main()
