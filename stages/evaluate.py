"""Score a model on the test set, once: ``python -m stages.evaluate <model>``."""

import sys
from pathlib import Path

from scenes.common.files import atomic_write
from scenes.common.runtime import configure
from scenes.common.tables import write_csv, write_json
from scenes.config.params import read
from scenes.dataset import audit_table
from scenes.evaluation import inference, metrics, multilabel, selection
from scenes.plots import evaluation
from stages import checked_stage


def main(name: str) -> None:
    params = read()
    configure(seed=0, threads=params.threads)  # nothing here is random
    folder, multilabel_folder = Path("models") / name, Path("models/multilabel") / name
    val = inference.predict(folder, "data", "val")
    test = inference.predict(folder, "data", "test")
    clean = test.only(audit_table.clean_test(audit_table.read("data/audit.csv")))

    scores = metrics.evaluate(test, clean, val)
    scores["multilabel"] = multilabel.evaluate(folder, multilabel_folder, "data")
    print(metrics.format_summary(name, scores))
    print(multilabel.format_summary(name, scores["multilabel"]))

    # For `select` and `compare`, which depend on these alone and not on all metrics or plots.
    for_select = selection.validation_scores(folder, multilabel_folder, scores["val"], scores["multilabel"])
    for_compare = test.table()
    with atomic_write(
        Path("metrics") / f"{name}.json",
        Path("data/validation_scores") / f"{name}.json",
        Path("data/test_predictions") / f"{name}.csv",
    ) as (metrics_file, validation_file, predictions_file):
        write_json(metrics_file, scores)
        write_json(validation_file, for_select)
        write_csv(predictions_file, for_compare)
        evaluation.write(Path("plots") / name, test, scores["per_class"], title=name)


if __name__ == "__main__":
    with checked_stage("evaluate"):
        main(sys.argv[1])
