"""Files of weights, as Keras writes them. Before one is loaded, its layers are compared with those of the network."""

import errno
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scenes.backbones.dotted_name import reason
from scenes.common.errors import InputError, explained

if TYPE_CHECKING:
    import keras


class _Layer(NamedTuple):
    name: str
    shapes: list[tuple[int, ...]]


# What HDF5 adds to a file for each array, at most; measured: 1.7 to 6.4 kB.
_BYTES_PER_ARRAY = 8192
_Layers = dict[Any, _Layer]  # by what Keras finds a layer's weights by: its path in a .weights.h5, its number in an .h5


def save(network: "keras.Model", path: str | Path) -> None:
    """Write the weights of ``network``, if there is room for them.

    HDF5 cannot close a file that it cannot write whole, and would end the process with a segmentation fault.

    Args:
        path: ends in ``.weights.h5``.

    Raises:
        OSError: the disk is too full.
    """
    needed = 4 * network.count_params() + _BYTES_PER_ARRAY * len(network.weights)
    if shutil.disk_usage(Path(path).parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    network.save_weights(path)


def load(network: "keras.Model", path: str | Path, name: str, *, source: str | None = None) -> None:
    """Load the weights in ``path`` into ``network``.

    Args:
        path: of an .h5 file in the older layout of the official files, or of a .weights.h5 file.
        name: of the backbone, for the error message.
        source: where the file came from, for the error message; None: its path.

    Raises:
        InputError: the file is damaged or of another kind, or a layer is missing or has other shapes; the message
            names the first.
    """
    path = Path(path)
    try:
        with explained(), warnings.catch_warnings(action="ignore"):  # Keras warns of every layer before it raises
            network.load_weights(path)
    except InputError:
        raise
    except Exception as error:  # h5py, Keras and NumPy each raise their own for a truncated or foreign file
        problem = _first_misfit(network, path) or reason(error)
        raise InputError(
            f"weights: {source or path} does not hold the weights of {name} without a top ({problem}); give a file "
            "that Keras wrote of this network"
        ) from None


def _first_misfit(network: "keras.Model", path: Path) -> str | None:
    """Return which layer does not fit first, in the order of the network; None if no layers can be read or all fit."""
    try:
        expected, found = _layouts(network, path)
    except Exception:  # not HDF5, or cut short: h5py raises a dozen kinds
        return None
    expected_names, found_names = ({layer.name for layer in layers.values()} for layers in (expected, found))
    for key, (name, shapes) in expected.items():
        other = found.get(key)
        if name not in found_names and (other is None or other.shapes != shapes or other.name in expected_names):
            return f"it has no layer {name}"
        if other is None or other.shapes != shapes:
            described = "nothing" if other is None else f"{other.name} with the shapes {_text(other.shapes)}"
            return f"it has {described} in the place of {name} with the shapes {_text(shapes)}"
    extra = [layer.name for key, layer in found.items() if key not in expected]
    return f"it also has a layer {extra[0]}" if extra else None


def _text(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) or "()" for shape in shapes)


def _layouts(network: "keras.Model", path: Path) -> tuple[_Layers, _Layers]:
    """Return the layers with weights that ``network`` has, in its order, and those in the file."""
    if not path.name.endswith(".weights.h5"):
        layers = [_Layer(layer.name, [tuple(each.shape) for each in layer.weights]) for layer in network.layers]
        return dict(enumerate(layer for layer in layers if layer.shapes)), dict(enumerate(_older(path)))
    with tempfile.TemporaryDirectory() as folder:  # Keras alone knows where it would put each layer
        own = Path(folder) / "own.weights.h5"
        save(network, own)
        expected = _newer(own)
    order = {name: number for number, name in enumerate(_layer_names(network))}
    by_order = sorted(expected.items(), key=lambda item: order.get(item[1].name, len(order)))
    return dict(by_order), _newer(path)


def _layer_names(network: "keras.Model") -> Iterator[str]:
    for layer in network.layers:
        yield layer.name
        if hasattr(layer, "layers"):
            yield from _layer_names(layer)


def _older(path: Path) -> list[_Layer]:
    """Return the layers in an .h5 file: a group each, whose attribute lists its weights; Keras goes by their order."""
    import h5py

    with h5py.File(path) as file:
        top = file if "layer_names" in file.attrs else file["model_weights"]
        names = [name.decode() for name in top.attrs["layer_names"]]
        layers = [
            _Layer(name, [tuple(top[name][weight].shape) for weight in top[name].attrs["weight_names"]])
            for name in names
        ]
    return [layer for layer in layers if layer.shapes]


def _newer(path: Path) -> _Layers:
    """Return the layers in a .weights.h5 file, by the path of the group whose ``vars`` are their weights."""
    import h5py

    layers: _Layers = {}

    def collect(path: str, group: Any) -> None:
        if path.startswith("layers/") and path.endswith("/vars") and len(group):
            shapes = [tuple(group[number].shape) for number in sorted(group, key=int)]
            layers[path.removesuffix("/vars")] = _Layer(str(group.attrs.get("name", path)), shapes)

    with h5py.File(path) as file:
        file.visititems(collect)
    return layers
