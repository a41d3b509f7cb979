"""The app's models: loaded once for all visitors, in the background, and called in batches."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st

from scenes.commands import checkout
from scenes.common.errors import InputError
from scenes.common.tables import read_json
from scenes.config.schema import Params, Profile, check
from scenes.download.source import is_drawn
from scenes.evaluation import gradcam
from scenes.images.decode import Decoded
from scenes.serving import photos
from scenes.serving.batcher import Batcher
from scenes.serving.classifier import Answer, Classifier
from scenes.serving.photos import Limits

ROOT = "."  # `make app` runs where params.yaml is
BATCH_SIZE = 32  # photos of all visitors at a time; bounds the memory for their activations
_DELAY = 1.0  # seconds
_MIN_SIDE = 28  # pixels; the images of MNIST, the smallest of the common data sets, have 28
_WEIGHTS = {"imagenet": "pretrained on ImageNet", "random": "with random weights"}

# Decoding a photo with the largest number of pixels allowed took up to 1.1 GB.
_decoding = threading.Semaphore(2)
_loading = threading.Lock()  # TensorFlow is set up once


@dataclass(frozen=True)
class Served:
    """A model that all visitors share; any thread may call it.

    Attributes:
        classifier: the model.
        predict: from photos, uint8 (size, size, 3) each, to answers.
        maps: see ``scenes.evaluation.gradcam.compiled``.
    """

    classifier: Classifier
    predict: Batcher
    maps: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def heat(self, prepared: np.ndarray, answer: Answer) -> np.ndarray:
        """Return where the photo supports the answer, float32 (size, size); see ``scenes.evaluation.gradcam``."""
        target = np.array([answer.probabilities.argmax()])
        return gradcam.heat_maps(self.maps, prepared[None], target)[0]


@cache
def params() -> Params:
    """Return params.yaml as it was when the app started."""
    return check()


def profile() -> Profile:
    """Return the settings of the selected profile, such as the title and the icon of the app."""
    return params().profiles[params().profile]


def synthetic() -> bool:
    """Return whether the images of the selected profile are drawn: a model that learned from them knows no photo."""
    return is_drawn(profile().source)


def test_images() -> str:
    """Return 'test images', with the word that they are drawn, if they are."""
    return f"{'drawn ' if synthetic() else ''}test images"


def limits() -> Limits:
    """Return the limits for the files of visitors."""
    archive = params().archive
    # A zip is listed twice, for the progress bar; 20,000 entries take less than a second.
    return Limits(archive.max_member_bytes, archive.max_ratio, archive.max_pixels, max_entries=20_000)


def decode(data: bytes) -> Decoded:
    """Return a photo with its pixels, see ``scenes.serving.photos.decode``; wait while others are being decoded.

    Raises:
        InputError: see there; or the photo is too small.
    """
    with _decoding:
        photo = photos.decode(data, limits())
    height, width, _ = photo.pixels.shape
    if min(height, width) < _MIN_SIDE:
        raise InputError(f"it has only {width:,} x {height:,} pixels, too few to tell; choose a larger photo")
    return photo


def available_models() -> list[str]:
    """Return the names of the models, the one in production first."""
    return checkout.available_models(ROOT)


def key(name: str) -> str:
    """Return the name in params.yaml of one of :func:`available_models`."""
    if name != checkout.PRODUCTION:
        return name
    return read_json(Path(ROOT, "models/production/model.json"))["model"]


def in_words(name: str) -> str:
    """Return what one of :func:`available_models` is, such as 'CNN, trained from scratch'."""
    words = {each: _in_words(each) for each in params().models}
    name = key(name)
    said = words.get(name, name)  # params.yaml may no longer have the model
    return said if list(words.values()).count(said) <= 1 else f"{said} ({name})"


def _in_words(name: str) -> str:
    model = params().models[name]
    if model.kind == "cnn":
        return "CNN, trained from scratch"
    used = profile().features[model.input.removeprefix("features/")]
    weights = _WEIGHTS.get(used.weights, "pretrained")
    return f"{used.backbone}, {weights}, {'fine-tuned' if used.finetune else 'with a new last layer'}"


def preload() -> None:
    """Start to load the model in production, unless it is loading or there is none."""
    if checkout.PRODUCTION in available_models() and checkout.PRODUCTION not in _futures:
        # Not at once: while TensorFlow is imported, no other thread runs and no page reaches the visitor.
        timer = threading.Timer(_DELAY, _future, [checkout.PRODUCTION])
        timer.daemon = True
        timer.start()


def show_no_model() -> None:
    """Tell the visitor how to get a model."""
    st.info("There is no model yet. Fetch it with `dvc pull`, or make it with `dvc repro`; then reload this page.")


def wait_for_model(name: str) -> Served:
    """Return a model, after waiting until it is loaded.

    Raises:
        InputError: it does not exist or cannot be loaded.
    """
    return _future(name).result()


_futures: dict[str, tuple[object, Future]] = {}  # by name, with the fingerprint of the files that it loads
_starting = threading.Lock()


def _future(name: str) -> Future:
    # Compared at each call, so that visitors get a model that `dvc repro` or `dvc pull` has replaced.
    fingerprint = checkout.fingerprint(ROOT, name)
    with _starting:
        loaded, future = _futures.get(name, (None, None))
        if future is None or loaded != fingerprint:
            future = Future()
            _futures[name] = fingerprint, future
            threading.Thread(target=_load, args=(name, future), daemon=True, name=f"load {name}").start()
        return future


def _load(name: str, future: Future) -> None:
    try:
        with _loading:
            _configure()
            model = checkout.load(ROOT, name, unsure_below=params().select.unsure_below, drawn=synthetic())
            # The first call is slower than all others, so it is made before a visitor needs it.
            model.predict([np.zeros((model.size, model.size, 3), np.uint8)])
            maps = gradcam.compiled(model.network, (model.size, model.size, 3))
        future.set_result(Served(model, Batcher(model.predict, BATCH_SIZE), maps))
    except BaseException as error:
        with _starting:
            if _futures.get(name, (None, None))[1] is future:  # otherwise another version has replaced it
                del _futures[name]  # so that a visitor can try again once it is repaired
        future.set_exception(error)


@cache
def _configure() -> None:
    from scenes.process.runtime import configure

    configure(seed=0, threads=params().threads)
