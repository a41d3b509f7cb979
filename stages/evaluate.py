"""Score a model on the test set, once: ``python -m stages.evaluate <model>``."""

import json
import sys
from pathlib import Path

from scenes import (
    audit_table,
    calibration,
    candidate,
    confusion_plot,
    contains_metrics,
    contains_scores,
    coverage,
    inference,
    metrics,
    per_class_plot,
    reliability_plot,
)
from scenes.determinism import configure
from scenes.errors import InputError, one_sentence
from scenes.files import replacing
from scenes.params import read


def main(name: str) -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    folder, contains = Path("models") / name, Path("models/contains") / name
    val = inference.predict(folder, "data", "val")
    test = inference.predict(folder, "data", "test")
    clean = test.only(audit_table.clean_test(audit_table.read("data/audit.csv")))
    if not len(clean.key):
        raise InputError(
            "no test image is clean: each has a duplicate among the training images or under another label; "
            "mend the archive, plots/audit shows them"
        )

    thresholds = coverage.thresholds(val.label, val.probabilities)
    of_test, of_clean, of_val = (
        metrics.classification(
            images.label, images.uncalibrated, images.classes, temperature=images.temperature, thresholds=thresholds
        )
        for images in (test, clean, val)
    )
    contained = contains_scores.evaluate(folder, contains, "data")
    scores = {**of_test, "clean": of_clean, "val": of_val, "contains": contained}
    print(metrics.summary(name, scores))
    print(contains_metrics.summary(name, contained))

    plots = Path("plots") / name
    predictions = plots / "predictions.csv", Path("data/test_predictions") / f"{name}.csv"
    jsons = Path("metrics") / f"{name}.json", Path("data/candidates") / f"{name}.json"
    for_select = candidate.describe(folder, contains, of_val, contained)
    with replacing(*jsons, *predictions, plots / "confusion_matrix.png") as (
        scores_file,
        candidate_file,
        *tables,
        picture,
    ):
        for file, content in ((scores_file, scores), (candidate_file, for_select)):
            file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        for file in tables:
            test.table().to_csv(file, index=False, float_format="%.6f", lineterminator="\n")
        confusion_plot.draw(picture, test.label, test.probabilities.argmax(axis=1), test.classes, title=name)

    diagrams = {
        "before temperature scaling": calibration.reliability_table(test.label, test.uncalibrated),
        "after": calibration.reliability_table(test.label, test.probabilities),
    }
    files = [plots / file for file in ("reliability.csv", "reliability.png", "per_class.csv", "per_class.png")]
    with replacing(*files) as (reliability_table, reliability_picture, per_class_table, per_class_picture):
        reliability_plot.write(reliability_table, diagrams)
        reliability_plot.draw(reliability_picture, diagrams, title=name)
        per_class_plot.write(per_class_table, scores["per_class"])
        per_class_plot.draw(per_class_picture, scores["per_class"], title=name)


if __name__ == "__main__":
    with one_sentence():
        main(sys.argv[1])
