"""Score a model on the test set, once: ``python -m stages.evaluate <model>``."""

import json
import sys
from pathlib import Path

from scenes.common.errors import InputError
from scenes.common.files import atomic_write
from scenes.common.runtime import configure
from scenes.config.params import read
from scenes.dataset import audit_table
from scenes.evaluation import abstention, calibration, inference, metrics, multilabel, selection
from scenes.plots import confusion, per_class, reliability
from stages import checked_stage


def main(name: str) -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing is drawn here
    folder, multilabel_folder = Path("models") / name, Path("models/multilabel") / name
    val = inference.predict(folder, "data", "val")
    test = inference.predict(folder, "data", "test")
    clean = test.only(audit_table.clean_test(audit_table.read("data/audit.csv")))
    if not len(clean.key):
        raise InputError(
            "no test image is clean: each has a duplicate among the training images or under another label; "
            "mend the archive, plots/audit shows them"
        )

    thresholds = abstention.thresholds(val.label, val.probabilities)
    of_test, of_clean, of_val = (
        metrics.classification(
            images.label, images.uncalibrated, images.classes, temperature=images.temperature, thresholds=thresholds
        )
        for images in (test, clean, val)
    )
    multilabel_scores = multilabel.evaluate(folder, multilabel_folder, "data")
    scores = {**of_test, "clean": of_clean, "val": of_val, "multilabel": multilabel_scores}
    print(metrics.summary(name, scores))
    print(multilabel.format_summary(name, multilabel_scores))

    plots = Path("plots") / name
    predictions = plots / "predictions.csv", Path("data/test_predictions") / f"{name}.csv"
    jsons = Path("metrics") / f"{name}.json", Path("data/validation_scores") / f"{name}.json"
    for_select = selection.validation_scores(folder, multilabel_folder, of_val, multilabel_scores)
    with atomic_write(*jsons, *predictions, plots / "confusion_matrix.png") as (
        scores_file,
        candidate_file,
        *tables,
        picture,
    ):
        for file, content in ((scores_file, scores), (candidate_file, for_select)):
            file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        for file in tables:
            test.table().to_csv(file, index=False, float_format="%.6f", lineterminator="\n")
        confusion.plot(picture, test.label, test.probabilities.argmax(axis=1), test.classes, title=name)

    diagrams = {
        "before temperature scaling": calibration.reliability_table(test.label, test.uncalibrated),
        "after": calibration.reliability_table(test.label, test.probabilities),
    }
    files = [plots / file for file in ("reliability.csv", "reliability.png", "per_class.csv", "per_class.png")]
    with atomic_write(*files) as (reliability_table, reliability_picture, per_class_table, per_class_picture):
        reliability.write(reliability_table, diagrams)
        reliability.plot(reliability_picture, diagrams, title=name)
        per_class.write(per_class_table, scores["per_class"])
        per_class.plot(per_class_picture, scores["per_class"], title=name)


if __name__ == "__main__":
    with checked_stage("evaluate"):
        main(sys.argv[1])
