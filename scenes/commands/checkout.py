"""A checkout of the project: how to tell one, and where its trained models are."""

import json
from pathlib import Path

from scenes.common.errors import InputError

PRODUCTION = "production"  # the name of the model that `select` chose; the others have their names in params.yaml


def is_checkout(root: str | Path) -> bool:
    """Whether ``root`` is the root of a checkout, and not merely a folder that has a params.yaml, or DVC."""
    return all((Path(root) / name).exists() for name in ("params.yaml", "dvc.yaml", "scenes"))


def available_models(root: str | Path) -> list[str]:
    """Return the names that :func:`load` takes: the model in production first, then those it was chosen from."""
    root = Path(root)
    production = [PRODUCTION] if (root / "models/production/model.json").is_file() else []
    return production + sorted(path.stem for path in (root / "data/validation_scores").glob("*.json"))


def fingerprint(root: str | Path, name: str) -> tuple:
    """Return a key that changes whenever the model's files are replaced.

    No file is read, so asking costs nothing. The key also changes where the same model was written again.
    """
    root = Path(root)
    if name == PRODUCTION:
        files = sorted((root / "models/production").glob("*"))
    else:
        folders = (root / "models" / name, root / "models/multilabel" / name)
        files = [path for folder in folders for path in sorted(folder.glob("*"))]
        files.append(root / "data/validation_scores" / f"{name}.json")
    return tuple(_identity(path) for path in files)


def _identity(path: Path) -> tuple:
    try:
        status = path.stat()
    except FileNotFoundError:  # it is being replaced
        return (path.name,)
    return path.name, status.st_ino, status.st_size, status.st_mtime_ns


def load(root: str | Path, name: str, *, unsure_below: str):
    """Return a model of the pipeline in ``root``.

    Args:
        name: one of :func:`available_models`.
        unsure_below: which threshold to use for a model that is not in production, as ``select.unsure_below`` names it.

    Returns:
        scenes.serving.classifier.Classifier

    Raises:
        InputError: the model or a part of it is missing.
    """
    # Here, because whoever asks only whether this is a checkout need not wait for NumPy.
    from scenes.dataset import records
    from scenes.models import store
    from scenes.serving import classifier

    root = Path(root)
    if name == PRODUCTION:
        return classifier.from_folder(root / "models/production")
    file = root / "data/validation_scores" / f"{name}.json"
    if not file.is_file() or not (root / "data/records/index.json").is_file():
        raise InputError(
            f"there is no model {name!r}; make it with `dvc repro evaluate@{name}` or fetch it with `dvc pull`"
        )
    candidate = json.loads(file.read_text(encoding="utf-8"))
    folder = root / "models" / name
    description = store.describe(folder)
    try:
        network = store.load_multilabel(folder, root / "models/multilabel" / name, root / "data")
    except (OSError, KeyError, ValueError) as error:  # a part was not fetched, or is damaged
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"the model {name} can't be loaded ({why:.200}); "
            "fetch all of it with `dvc pull` or make it with `dvc repro`"
        ) from None
    return classifier.Classifier(
        name=name,
        network=network,
        classes=tuple(description["classes"]),
        size=records.open_records(root / "data/records", "val").image_shape[0],
        unsure_below=candidate["val"]["abstention"][unsure_below]["confidence"],
        presence_above=candidate["presence_above"],
    )
