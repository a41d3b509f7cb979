"""Score a model on the test images, once: ``python -m stages.evaluate <model>``; metrics/ has the headlines alone."""

import sys
from pathlib import Path

from scenes.common import unused
from scenes.common.files import atomic_write
from scenes.common.runtime import configure
from scenes.common.tables import write_csv, write_json
from scenes.config.params import read
from scenes.dataset import audit_table, split
from scenes.evaluation import composites, inference, metrics, multilabel, selection
from scenes.plots import evaluation
from stages import checked_stage

AUDIT = "data/audit.csv"
SPLIT = "data/split.csv"
DATA = Path("data")
MODELS = Path("models")
MULTILABEL = Path("models/multilabel")
SCORES = Path("data/scores")
METRICS = Path("metrics")
PLOTS = Path("plots")
VALIDATION_SCORES = Path("data/validation_scores")  # for `select`, which depends on nothing else here
TEST_PREDICTIONS = Path("data/test_predictions")  # for `compare`, likewise


def main(name: str) -> None:
    params = read()
    folder, multilabel_folder, plots = MODELS / name, MULTILABEL / name, PLOTS / name
    scores_files = [each / f"{name}.json" for each in (SCORES, METRICS, VALIDATION_SCORES)]
    predictions_file = TEST_PREDICTIONS / f"{name}.csv"
    if unused.is_unused(folder):
        with atomic_write(predictions_file, *scores_files) as (table, *files):
            for file in files:
                write_json(file, {})
            unused.write_header(table, inference.COLUMNS)
            evaluation.write_unused(plots)
        print(f"{name} is not enabled in this profile")
        return
    configure(seed=0, threads=params.threads)  # nothing here is random
    val, test = (inference.predict(folder, DATA, each) for each in ("val", "test"))
    audit = split.final_splits(audit_table.read(AUDIT), split.read(SPLIT))
    clean = test.only(audit_table.clean_test(audit))
    scores = metrics.evaluate(test, clean, val)
    scores["multilabel"] = multilabel.evaluate(folder, multilabel_folder, DATA)
    print(metrics.format_summary(name, scores))
    if len(scores["per_class"]) >= composites.MIN_CLASSES:  # of two classes it repeats the accuracy
        print(multilabel.format_summary(name, scores["multilabel"]))
    for_selection = selection.validation_scores(folder, multilabel_folder, scores["val"], scores["multilabel"])
    with atomic_write(predictions_file, *scores_files) as (table, *files):
        for file, value in zip(files, (scores, metrics.headlines(scores), for_selection), strict=True):
            write_json(file, value)
        write_csv(table, test.table())
        evaluation.write(plots, test, scores["per_class"], title=name)


if __name__ == "__main__":
    with checked_stage("evaluate"):
        main(sys.argv[1])
