"""A checkout of the project: how to recognise one, and the trained models in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.common.errors import InputError
from scenes.common.files import visible
from scenes.common.tables import read_json

if TYPE_CHECKING:
    from scenes.serving.classifier import Classifier

PRODUCTION = "production"  # the name of the model that `select` chose; the others are named in params.yaml


def is_checkout(root: str | Path) -> bool:
    """Return whether ``root`` is the root of a checkout, and not just any folder with a params.yaml or with DVC."""
    return all((Path(root) / name).exists() for name in ("params.yaml", "dvc.yaml", "scenes"))


def available_models(root: str | Path) -> list[str]:
    """Return the names that :func:`load` accepts: the model in production first, then those it was chosen from."""
    root = Path(root)
    production = [PRODUCTION] if (root / "models/production/model.json").is_file() else []
    files = visible(root / "data/validation_scores", "*.json")
    # A model without scores was not trained: its feature set is not enabled.
    return production + [path.stem for path in files if read_json(path)]


def fingerprint(root: str | Path, name: str) -> tuple[tuple[Any, ...], ...]:
    """Return a key that changes whenever the model's files are replaced.

    It reads no file, so it is fast. The key also changes if the same model is written again.
    """
    root = Path(root)
    if name == PRODUCTION:
        files = visible(root / "models/production")
    else:
        files = visible(root / "models" / name)
        files.append(root / "data/validation_scores" / f"{name}.json")
    return tuple(_identity(path) for path in files)


def _identity(path: Path) -> tuple[Any, ...]:
    try:
        status = path.stat()
    except FileNotFoundError:  # it is being replaced
        return (path.name,)
    return path.name, status.st_ino, status.st_size, status.st_mtime_ns


def load(root: str | Path, name: str, *, unsure_below: str, drawn: bool = False) -> "Classifier":
    """Return a model of the checkout in ``root``.

    Args:
        root: the root of the checkout.
        name: one of :func:`available_models`.
        unsure_below: the name of the threshold for a model that is not in production, see ``select.unsure_below``.
        drawn: whether a model that is not in production learned from drawings.

    Raises:
        InputError: the model or a part of it is missing, or its feature set is not enabled. The message lists the
            models that there are.
    """
    # Imported here, because the other functions should not wait for NumPy.
    from scenes.dataset import records
    from scenes.evaluation.presence import PresenceCalibration
    from scenes.models import store
    from scenes.serving import classifier

    root = Path(root)
    if name == PRODUCTION:
        return classifier.from_folder(root / "models/production")
    file = root / "data/validation_scores" / f"{name}.json"
    if not file.is_file():
        raise InputError(f"there is no model {name!r}; {_which_models(root)}")
    if not (root / "data/records/index.json").is_file():
        raise InputError(
            f"the model {name} needs data/records, which is missing; fetch it with `dvc pull data/records`"
        )
    validation = read_json(file)
    if not validation:
        raise InputError(f"the model {name} was not trained, because this profile does not enable its feature set")
    folder = root / "models" / name
    description = store.describe(folder)
    validation_images = records.open_records(root / "data/records", "val")
    try:
        return classifier.Classifier(
            name=name,
            network=store.load(folder, root / "data"),
            classes=tuple(description["classes"]),
            size=validation_images.image_shape[0],
            fit=validation_images.fit,
            calibrated=description["calibrated"],
            unsure_below=validation["val"]["abstention"][unsure_below]["confidence"],
            presence_calibration=PresenceCalibration(**validation["presence"]),
            drawn=drawn,
        )
    except (OSError, LookupError, TypeError, ValueError) as error:  # a part was not fetched, or is damaged
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"the model {name} can't be loaded ({reason:.200}); "
            "fetch all of it with `dvc pull` or make it with `dvc repro`"
        ) from None


def _which_models(root: Path) -> str:
    if models := available_models(root):
        return f"use one of {', '.join(models)}, or get the others of params.yaml with `dvc repro` or `dvc pull`"
    return "make the models with `dvc repro` or fetch them with `dvc pull`"
