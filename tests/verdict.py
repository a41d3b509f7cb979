"""What it means that two runs of the pipeline differ: a defect, a lock of another commit, or another processor."""

from collections.abc import Mapping, Sequence

from scenes import lock

COMMITTED = "the committed dvc.lock"

# The generator uses integers only, and Pillow's codecs are locked: these are the same on any machine.
DATA_STAGES = ("download", "audit", "split", "records")

# Stages whose outputs may hold what another processor rounds otherwise. Every other one, a new one too, must give the
# same bytes from the same inputs wherever it runs: `compare` counts, `select` copies weights, `report` copies figures.
ROUNDED = frozenset(
    [
        "weights",  # random ones are drawn by way of logarithms and cosines
        "finetune",
        "embed",
        "composites",  # features of the joined images
        "train",
        "contains",
        "suspects",  # a regression on features
        "evaluate",  # probabilities
        "explain",  # gradients
        "export",  # a converter folds constants, and the metrics say how far apart two roundings are
        "predict",  # probabilities
    ]
)


def exact(stage: str) -> bool:
    """Return whether a stage, such as ``train@baseline``, must give the same bytes on every machine."""
    return stage.partition("@")[0] not in ROUNDED


def unexplained(one: Mapping, other: Mapping) -> list[str]:
    """Return the stages that give other bytes from the same commands, params, code and inputs, in order."""
    return [difference.stage for difference in lock.differences(one, other) if not difference.causes]


def verdict(one: Mapping, other: Mapping, *, names: tuple[str, str], one_machine: bool) -> tuple[str, int]:
    """Return in words whether two locks are the same, and the exit status.

    Args:
        one, other: as ``scenes.lock.read`` gives them.
        names: of the two locks.
        one_machine: whether both were written on one machine, where rounding explains nothing.

    Returns:
        The status is 0 for the same, 2 if only rounding differs, else 1.
    """
    found = lock.differences(one, other)
    if not found:
        return f"{names[1]} gives what stands in {names[0]}: the same hash of every file of {len(one)} stages", 0
    defects = [each for each in found if not each.causes and exact(each.stage)]
    # What was run otherwise, rather than on other data, which only follows from what came before.
    run_otherwise = [each for each in found if each.causes.keys() - {"inputs"}]
    first = (defects or found)[0]
    lines = [f"{names[1]} differs from {names[0]}, first in {first.stage}"]
    told = [first] + [each for each in run_otherwise[:1] if each is not first]
    lines += [lock.sentence(each, names=names, exact=exact(each.stage)) for each in told]
    if run_otherwise and names[0] == COMMITTED:
        lines.append("so the dvc.lock committed is not of this commit; run `dvc repro` and commit what it writes")
    if not any(each.stage in DATA_STAGES for each in found):
        lines.append("the data stages give the same")
    rounding = not (defects or first.causes or run_otherwise)
    if rounding and one_machine:
        lines.append("both ran on this machine: this is a defect")
    if len(found) > 1:
        lines.append(f"{len(found)} stages differ: {', '.join(each.stage for each in found)}")
    return "\n".join(lines), 2 if rounding and not one_machine else 1


def repeated(one: Mapping, other: Mapping, stages: Sequence[str]) -> tuple[str, int]:
    """Return in words whether ``stages`` gave the same in two runs on one machine, and the exit status.

    Args:
        one, other: the locks after the first and after the second run.
        stages: those of which another machine gave other bytes.
    """
    outs = [{name: lock.files(made[name], "outs") for name in stages} for made in (one, other)]
    changed = ", ".join(name for name in stages if outs[0][name] != outs[1][name])
    if changed:
        return f"a second run here gives yet other bytes ({changed}): not deterministic, which is a defect", 1
    return (
        f"a second run here gives the same bytes ({', '.join(stages)}): deterministic, so only other hardware or "
        "another build of the libraries explains the difference",
        2,
    )
