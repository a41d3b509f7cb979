"""Compare all models on the test images, whole and clean, two at a time: metrics/comparison.json."""

from scenes.common.files import atomic_write
from scenes.common.tables import write_json
from scenes.config.params import read, to_dict
from scenes.dataset import audit_table
from scenes.evaluation import comparison
from stages import checked_stage


def main() -> None:
    params = read()
    # Not a listing of the folder, which may contain predictions of a model that is no longer in params.yaml.
    correct = comparison.correct_answers("data/test_predictions", to_dict(params.models))
    clean = correct[correct.index.isin(audit_table.clean_test(audit_table.read("data/audit.csv")))]
    scores = comparison.pairs(correct)
    print(comparison.format_summary(scores))
    with atomic_write("metrics/comparison.json") as file:
        write_json(file, {**scores, "clean": comparison.pairs(clean)})


if __name__ == "__main__":
    with checked_stage("compare"):
        main()
