"""How well the models find what photos contain, by three ways to read their probabilities.

    python -m benchmarks.presence    # in a checkout whose pipeline has run on profile intel

The photos are those of presence/intel.csv, judged by eye. Validation photos choose threshold and scaling; the test
photos give mean average precision (mAP) and F1, both means over the classes.
"""

from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score

from scenes.config.params import read, to_dict
from scenes.dataset import contained_classes
from scenes.evaluation import inference, presence
from scenes.evaluation.inference import Predictions
from scenes.process.runtime import configure

THRESHOLDS = np.geomspace(0.001, 1, 400)


def macro_f1(probabilities: np.ndarray, contained: np.ndarray, threshold: float) -> float:
    """Return the mean F1 over the classes.

    Args:
        probabilities: float (n, k).
        contained: float (n, k), see ``scenes.dataset.contained_classes.known_rows``.
        threshold: of all classes.
    """
    found, known = probabilities >= threshold, ~np.isnan(contained)
    columns = zip(found.T, contained.T, known.T, strict=True)
    return float(np.mean([f1_score(present[some] == 1, positive[some]) for positive, present, some in columns]))


def lines(val: Predictions, test: Predictions, known: dict[str, np.ndarray]) -> list[str]:
    """Return mAP and F1 of each way, as text."""
    in_val, in_test = (contained_classes.known_rows(each.key, known, len(each.classes)) for each in (val, test))
    by_labels = presence.fit(val.probabilities, val.label, np.full_like(in_val, np.nan))
    by_eye = presence.fit(val.probabilities, val.label, in_val)
    labels, eye = (presence.evaluate(test.probabilities, in_test, each, test.classes) for each in (by_labels, by_eye))
    threshold = max(THRESHOLDS, key=lambda each: macro_f1(val.probabilities, in_val, each))
    softmax_f1 = macro_f1(test.probabilities, in_test, threshold)
    scores = {
        "probabilities, threshold by photos": (labels["softmax_mean_average_precision"], softmax_f1),
        "log-ratios, scaled by the labels": (labels["mean_average_precision"], labels["macro_f1"]),
        "log-ratios, scaled by photos": (eye["mean_average_precision"], eye["macro_f1"]),
    }
    return [f"  {way:34}  mAP {precision:.3f}  F1 {f1:.3f}" for way, (precision, f1) in scores.items()]


def main() -> None:
    params, data = read(), Path("data")
    configure(seed=0, threads=params.threads)
    for name in to_dict(params.models):
        folder = Path("models") / name
        if not (folder / "model.json").is_file():  # the profile does not use it
            continue
        val, test = (inference.predict(folder, data, split) for split in ("val", "test"))
        known = contained_classes.read(
            "presence/intel.csv", data / "raw/archive.zip", settings=to_dict(params.archive), classes=test.classes
        )
        print(f"{name}:", *lines(val, test, known), sep="\n")


if __name__ == "__main__":
    main()
