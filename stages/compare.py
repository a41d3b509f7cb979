"""Compare every two models on the test images, all and clean ones: data/scores/comparison.json."""

from scenes.audit import audit_table
from scenes.common.files import atomic_write
from scenes.common.tables import write_json
from scenes.config.params import read, to_dict
from scenes.dataset import split
from scenes.evaluation import comparison
from stages import checked_stage

AUDIT = "data/audit.csv"
SPLIT = "data/split.csv"
TEST_PREDICTIONS = "data/test_predictions"
SCORES = "data/scores/comparison.json"


def main() -> None:
    params = read()
    # By params.yaml, because the folder may contain predictions of a model that is no longer in it.
    correct = comparison.correct_answers(TEST_PREDICTIONS, to_dict(params.models))
    audit = split.final_splits(audit_table.read(AUDIT), split.read(SPLIT))
    clean = correct[correct.index.isin(audit_table.clean_test(audit))]
    scores = comparison.pairs(correct)
    print(comparison.format_summary(scores))
    with atomic_write(SCORES) as file:
        write_json(file, {**scores, "clean": comparison.pairs(clean)})


if __name__ == "__main__":
    with checked_stage("compare"):
        main()
