"""Compare all models on the test images, whole and clean, two at a time: metrics/comparison.json."""

import json

from scenes.common.files import atomic_write
from scenes.config.params import read, to_dict
from scenes.dataset import audit_table
from scenes.evaluation import comparison
from stages import checked_stage


def main() -> None:
    params = read()
    # Named, not listed: the folder may hold predictions of a model that is no longer in params.yaml.
    right = comparison.right_answers("data/test_predictions", to_dict(params.models))
    clean = right[right.index.isin(audit_table.clean_test(audit_table.read("data/audit.csv")))]
    scores = comparison.pairs(right)
    print(comparison.format_summary(scores))
    with atomic_write("metrics/comparison.json") as file:
        text = json.dumps({**scores, "clean": comparison.pairs(clean)}, indent=2, sort_keys=True)
        file.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    with checked_stage("compare"):
        main()
