"""A model as a .keras file that needs no code of this project; equal models give equal bytes."""

import json
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.common.errors import InputError, explained
from scenes.common.outputs import checked, damaged

if TYPE_CHECKING:
    import keras

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold


def save(path: str | Path, model: "keras.Model") -> None:
    """Write ``model``; unlike with ``model.save``, equal weights and layers give equal bytes.

    Keras also writes the date, the dates of the zip's members, and memory addresses that identify objects shared by
    several layers. The dates are dropped or fixed; the objects are numbered in order of appearance.

    Args:
        path: ends in ``.keras``.
        model: of Keras' own layers and operations, so that it loads without this project's code.

    Source: https://keras.io/api/models/model_saving_apis/model_saving_and_loading/
    """
    with tempfile.TemporaryDirectory() as folder:
        original = Path(folder) / "model.keras"
        model.save(original)
        with zipfile.ZipFile(original) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
            for name in sorted(old.namelist()):
                data = old.read(name)
                if name.endswith(".json"):
                    data = json.dumps(_canonical(json.loads(data), {}), sort_keys=True).encode()
                info = zipfile.ZipInfo(name, _DATE)
                info.create_system, info.external_attr = 3, 0o644 << 16
                new.writestr(info, data)


def _canonical(value: Any, numbers: dict[int, int]) -> Any:
    """Return the content of one of Keras' JSON files without its date, shared objects numbered from 0."""
    if isinstance(value, list):
        return [_canonical(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for key, item in value.items():
        if key == "date_saved":
            continue
        if key == "shared_object_id":
            result[key] = numbers.setdefault(item, len(numbers))
        else:
            result[key] = _canonical(item, numbers)
    return result


def load(path: str | Path) -> "keras.Model":
    """Return the model in a .keras file. Keras' safe mode refuses code, so nothing in the file is run.

    Raises:
        InputError: the file is missing or damaged, holds code, or is not a .keras file.
    """
    import keras

    try:
        with explained():
            return keras.saving.load_model(checked(path), safe_mode=True)
    except InputError:
        raise
    except Exception as error:  # Keras raises ValueError, KeyError, OSError, ... for a file that it did not write
        if "safe_mode" in str(error):  # the message goes on to say how to run the code anyway
            raise InputError(f"{path} contains code, which is not run; use a model with Keras' own layers") from None
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise damaged(path, f"{reason:.200}") from None
