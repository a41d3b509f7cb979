"""What it means that two runs of the pipeline differ: a defect, a dvc.lock of another commit, or another processor."""

from collections.abc import Mapping, Sequence

from scenes.provenance import dvc_lock

COMMITTED = "the committed dvc.lock"

# The generator uses integers only, and the versions of Pillow's codecs are locked: the same bytes on any machine.
DATA_STAGES = ("download", "audit", "split", "records")

# Stages whose outputs may differ where another processor rounds differently. All others, new ones too, must give the
# same bytes from the same inputs on any machine: `compare` counts, `select` copies weights, `report` copies numbers.
ROUNDED = frozenset(
    [
        "weights",  # random ones are drawn by way of logarithms and cosines
        "finetune",
        "features",
        "train",
        "label_issues",  # a regression on features
        "evaluate",  # probabilities and gradients
        "export",  # a converter folds constants, and the metrics say how far apart two roundings are
        "predict",  # probabilities
    ]
)


def exact(stage: str) -> bool:
    """Return whether a stage, such as ``train@baseline``, must give the same bytes on every machine."""
    return stage.partition("@")[0] not in ROUNDED


def unexplained(one: Mapping[str, Mapping], other: Mapping[str, Mapping]) -> list[str]:
    """Return the stages that give other bytes from the same commands, params, code and inputs, in order."""
    return [difference.stage for difference in dvc_lock.differences(one, other) if not difference.causes]


def verdict(
    one: Mapping[str, Mapping], other: Mapping[str, Mapping], *, names: tuple[str, str], one_machine: bool
) -> tuple[str, int]:
    """Return as text whether two locks are the same, and the exit status.

    Args:
        one, other: see :func:`scenes.provenance.dvc_lock.read`.
        names: how to call the two locks.
        one_machine: whether both were written on one machine, where rounding explains nothing.

    Returns:
        The status is 0 if they are the same, 2 if only rounding differs, else 1.
    """
    differences = dvc_lock.differences(one, other)
    if not differences:
        return f"{names[1]} gives the same as {names[0]}: the same hash of every file of {len(one)} stages", 0
    defects = [each for each in differences if not each.causes and exact(each.stage)]
    # Stages with other code, params or commands. Other inputs only follow from the stages before.
    run_differently = [each for each in differences if each.causes.keys() - {"inputs"}]
    first = (defects or differences)[0]
    explained = [first, *(each for each in run_differently[:1] if each is not first)]
    lines = [f"{names[1]} differs from {names[0]}, first in {first.stage}"]
    lines += [dvc_lock.format_difference(each, names=names, exact=exact(each.stage)) for each in explained]
    if run_differently and names[0] == COMMITTED:
        lines.append(
            "so the committed dvc.lock does not belong to this commit; run `dvc repro` and commit what it writes"
        )
    if not any(each.stage in DATA_STAGES for each in differences):
        lines.append("the data stages give the same results")
    rounding = not (defects or first.causes or run_differently)
    if rounding and one_machine:
        lines.append("both ran on this machine: this is a defect")
    if len(differences) > 1:
        lines.append(f"{len(differences)} stages differ: {', '.join(each.stage for each in differences)}")
    return "\n".join(lines), 2 if rounding and not one_machine else 1


def verdict_of_second_run(
    one: Mapping[str, Mapping], other: Mapping[str, Mapping], stages: Sequence[str]
) -> tuple[str, int]:
    """Return as text whether ``stages`` gave the same in two runs on one machine, and the exit status.

    Args:
        one, other: the locks after the first and after the second run.
        stages: those that give other bytes here than on the machine that wrote the committed lock.
    """
    changed = [name for name in stages if dvc_lock.files(one[name], "outs") != dvc_lock.files(other[name], "outs")]
    if changed:
        return f"a second run here gives other bytes again ({', '.join(changed)}): not deterministic, a defect", 1
    return (
        f"a second run here gives the same bytes ({', '.join(stages)}): deterministic, so only other hardware or "
        "another build of the libraries explains the difference",
        2,
    )
