"""What a run on somebody's pictures came to, and what to do next, with the minutes that it costs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scenes.common.tables import read_csv, read_json
from scenes.common.words import count
from scenes.own import estimates
from scenes.own.estimates import Machine, Workload
from scenes.own.own_settings import Settings
from scenes.report.models import kind_in_words

FEW = 100  # test images; the accuracy of a model that is right on 90 % of so many is known to about 6 points
# Frozen features below this, on test images, have probably not learned what tells the classes apart.
WEAK = 0.85
FINETUNED = "finetuned"  # the feature set of the profile own whose backbone learns
FINETUNE = f"dvc exp run -S profiles.own.features.{FINETUNED}.enabled=true"


class WorstClass(NamedTuple):
    """The class whose test images are recognised worst.

    Attributes:
        name: the class.
        recall: share of its test images that are recognised.
        tested: how many test images it has.
        mistaken_for: the class that they are taken for most often; '' if all are right.
    """

    name: str
    recall: float
    tested: int
    mistaken_for: str


def report(
    root: Path,
    models: Mapping[str, Mapping[str, Any]],
    features: Mapping[str, Mapping[str, Any]],
    work: Workload,
    settings: Settings,
    machine: Machine,
) -> str:
    """Return the scores and the next steps as lines for people.

    Args:
        root: a checkout in which the pipeline has run.
        models: ``models`` in params.yaml; those whose feature set is not enabled have no scores.
        features: the feature sets of the profile own.
        work, settings, machine: see :func:`scenes.own.estimates.run_seconds`.
    """
    production = read_json(root / "data/scores/production.json")["model"]
    found = {name: read_json(root / f"data/scores/{name}.json") for name in models}
    scores = {name: score for name, score in found.items() if score}
    answers = read_csv(root / f"plots/{production}/predictions.csv").to_dict("records")
    worst = worst_class(answers)
    split = read_csv(root / "data/split.csv")
    trained = Counter(split.loc[split["split"] == "train", "label"])
    issues = len(read_csv(root / "data/label_issues.csv"))
    tuned = features[FINETUNED]
    epochs = tuned["finetune"]["epochs"] if tuned["finetune"] else 0
    seconds = estimates.run_seconds(work, settings, machine, finetune_epochs=epochs if tuned["enabled"] else 0)
    again = estimates.in_words(seconds)

    steps = ["open reports/report.html: all results on one page"]
    if len(answers) < FEW:
        steps.append(f"add pictures: {count(len(answers), 'test image')} cannot tell how good the model is")
    if issues:
        steps.append(
            f"look at {count(issues, 'label')} in data/label_issues.csv that may be wrong, on the page Labels of "
            f"`make app`; correct them (docs/corrections.md) and run `dvc repro`: about {again}"
        )
    if worst.recall < 1:
        steps.append(
            f"add pictures of {worst.name!r}, which has {trained[worst.name]:,} to train on, and run `dvc repro`: "
            f"about {again}"
        )
    if epochs and not tuned["enabled"]:
        seconds = estimates.finetune_seconds(work, settings, machine, epochs=epochs)
        frozen = [score["accuracy"] for name, score in scores.items() if models[name]["kind"] == "linear"]
        steps.append(_finetune_step(seconds, frozen))
    kinds = {name: kind_in_words(models[name], features) for name in scores}
    return "\n".join([*_scores(scores, kinds, production, worst), "next:", *(f"- {step}" for step in steps)])


def worst_class(rows: Iterable[Mapping[Any, str]]) -> WorstClass:
    """Return the class with the lowest recall; of several, the first by name.

    Args:
        rows: with the columns ``actual`` and ``predicted``.
    """
    answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        answers[row["actual"]][row["predicted"]] += 1
    recall = {name: counts[name] / counts.total() for name, counts in answers.items()}
    name = min(sorted(recall), key=recall.__getitem__)
    wrong = {other: count for other, count in answers[name].items() if other != name}
    mistaken_for = max(sorted(wrong), key=wrong.__getitem__, default="")
    return WorstClass(name, recall[name], answers[name].total(), mistaken_for)


def _scores(scores: Mapping[str, Any], kinds: Mapping[str, str], production: str, worst: WorstClass) -> list[str]:
    lines = ["accuracy on the test images, with its 95 % interval:"]
    for name, score in scores.items():
        low, high = score["accuracy_interval"]["low"], score["accuracy_interval"]["high"]
        chosen = "; in production" if name == production else ""
        lines.append(
            f"  {score['accuracy']:.3f} [{low:.3f}, {high:.3f}] {name}, {kinds[name]} "
            f"(the mean over classes: {score['balanced_accuracy']:.3f}){chosen}"
        )
    if not scores[production]["calibration"]["calibrated"]:
        from scenes.evaluation import metrics  # here, because it imports pandas

        why = metrics.why_uncalibrated(scores[production]["val"]["count"])
        lines.append(f"the confidence of {production} is not calibrated: {why}")
    taken = f", most often taken for {worst.mistaken_for!r}" if worst.mistaken_for else ""
    lines.append(f"worst class: {worst.name!r}, {worst.recall:.0%} of {worst.tested:,} recognised{taken}")
    return lines


def _finetune_step(seconds: float, frozen: Sequence[float]) -> str:
    step = f"fine-tune the backbone with `{FINETUNE}`: about {estimates.in_words(seconds)}"
    if frozen and max(frozen) < WEAK:
        step += (
            f"; the frozen one is right on {max(frozen):.0%} only: its features suit photos of things, "
            "and classes that look alike need a backbone that learns"
        )
    return step
