"""Score and explain a model on the test images: ``python -m stages.evaluate <model>``; metrics/ has the headlines."""

import sys
from pathlib import Path

from scenes.audit import audit_table
from scenes.common import unused
from scenes.common.files import atomic_write
from scenes.common.tables import write_csv, write_json
from scenes.config.params import read, to_dict
from scenes.dataset import contained_classes, corrections, split
from scenes.evaluation import corrected_test, inference, metrics, presence, selection
from scenes.plots import evaluation
from scenes.process.runtime import configure
from stages import checked_stage

ARCHIVE = "data/raw"
AUDIT = "data/audit.csv"
SPLIT = "data/split.csv"
DATA = Path("data")
MODELS, PLOTS = Path("models"), Path("plots")
# All scores, the headlines, and those on validation for `select`, which depends on nothing else here.
SCORES = [Path("data/scores"), Path("metrics"), Path("data/validation_scores")]
TEST_PREDICTIONS = Path("data/test_predictions")  # for `compare`, likewise


def main(name: str) -> None:
    params = read()
    folder, plots = MODELS / name, PLOTS / name
    paths = [TEST_PREDICTIONS / f"{name}.csv", *(each / f"{name}.json" for each in SCORES)]
    if unused.is_unused(folder):
        with atomic_write(*paths) as (table, *files):
            for file in files:
                write_json(file, {})
            unused.write_header(table, inference.COLUMNS)
            evaluation.write_unused(plots)
        print(f"{name} is not enabled in this profile")
        return
    configure(seed=0, threads=params.threads)  # nothing here is random
    val, test = (inference.predict(folder, DATA, each) for each in ("val", "test"))
    audit = split.final_splits(audit_table.read(AUDIT), split.read(SPLIT))
    scores = metrics.evaluate(test, test.only(audit_table.clean_test(audit)), val)
    scores |= corrected_test.scores(test, corrections.read(f"corrections/{params.profile}.csv", audit))
    settings = to_dict(params.archive)
    known = contained_classes.read(f"presence/{params.profile}.csv", ARCHIVE, settings=settings, classes=test.classes)
    calibration, scores["presence"] = presence.judge(val, test, known)
    print(metrics.format_summary(name, scores), *corrected_test.format_summary(name, scores), sep="\n")
    print(presence.format_summary(name, scores["presence"]))
    for_selection = selection.validation_scores(folder, scores["val"], calibration)
    with atomic_write(*paths) as (table, *files):
        for file, value in zip(files, (scores, metrics.headlines(scores), for_selection), strict=True):
            write_json(file, value)
        write_csv(table, test.table())
        evaluation.write(plots, test, scores["per_class"], title=name)
        evaluation.explain(plots, folder, DATA, test, title=name)


if __name__ == "__main__":
    with checked_stage("evaluate"):
        main(sys.argv[1])
