"""A model as a .keras file, which Keras alone can load, and of which equal models give equal bytes."""

import json
import tempfile
import zipfile
from pathlib import Path

from scenes.common.errors import InputError

_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold


def save(path: str | Path, model) -> None:
    """Write ``model``; equal weights and layers give equal bytes, which ``model.save`` does not.

    What Keras puts into the file beside the model is the date, the dates of the zip's members, and addresses in memory
    by which it tells apart objects that several layers share: the last are numbered in the order they appear in.

    Args:
        path: ends in ``.keras``.
        model: keras.Model of Keras' own layers and operations, so that it loads without this project's code.

    Source: https://keras.io/api/models/model_saving_apis/model_saving_and_loading/
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "model.keras"
        model.save(written)
        with zipfile.ZipFile(written) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
            for name in sorted(old.namelist()):
                data = old.read(name)
                if name.endswith(".json"):
                    data = json.dumps(_canonical(json.loads(data), {}), sort_keys=True).encode()
                info = zipfile.ZipInfo(name, _DATE)
                info.create_system, info.external_attr = 3, 0o644 << 16
                new.writestr(info, data)


def _canonical(value, numbers: dict[int, int]):
    """Return what a JSON file of Keras holds, without its date and with shared objects numbered from 0."""
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


def load(path: str | Path):
    """Return the model in a .keras file; nothing in the file is run, as Keras' safe mode refuses code.

    Raises:
        InputError: it holds code, is damaged, or is no such file.
    """
    import keras

    try:
        return keras.saving.load_model(path, safe_mode=True)
    except MemoryError:
        raise
    except Exception as error:
        # Keras raises nearly anything where a file is not what it wrote itself: ValueError, KeyError, OSError, ...
        if "safe_mode" in str(error):  # it goes on to say how to run the code after all
            raise InputError(f"{path} holds code, which is not run; take a model of Keras' own layers") from None
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"{path} is no model that can be loaded ({why:.200}); make it again with `dvc repro` or `dvc pull`"
        ) from None
