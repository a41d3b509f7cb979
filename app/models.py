"""The models that the app answers with: loaded once for all visitors, in the background, and called in batches."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache

import numpy as np
import streamlit as st

from scenes.commands import checkout
from scenes.config.schema import Params, check
from scenes.evaluation import gradcam
from scenes.serving import photos
from scenes.serving.batcher import Batcher
from scenes.serving.classifier import Answer, Classifier
from scenes.serving.photos import Limits

ROOT = "."  # `make app` runs where params.yaml is
BATCH_SIZE = 32  # photos of all visitors at a time; bounds the memory that their activations take
_SOON = 1.0  # seconds

# A photo of as many pixels as are taken was seen to need 1.1 GB while it is decoded.
_decoding = threading.Semaphore(2)
_loading = threading.Lock()  # TensorFlow is set up once


@dataclass(frozen=True)
class Served:
    """A model as visitors share it.

    Attributes:
        classifier: what it is.
        predict: from photos, uint8 (size, size, 3) each, to answers; from any thread.
        maps: see ``scenes.evaluation.gradcam.compiled``; from any thread.
    """

    classifier: Classifier
    predict: Batcher
    maps: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def heat(self, prepared: np.ndarray, answer: Answer) -> np.ndarray:
        """Return what speaks for the class that was named, float32 (size, size); see ``scenes.evaluation.gradcam.heat_maps``."""
        target = np.array([answer.probabilities.argmax()])
        return gradcam.heat_maps(self.maps, prepared[None], target)[0]


@cache
def params() -> Params:
    """Return params.yaml, as it was when the app started."""
    return check()


def limits() -> Limits:
    """Return what is taken from visitors."""
    archive = params().archive
    # A zip is listed twice, for the progress bar; 20,000 entries take less than a second.
    return Limits(archive.max_member_bytes, archive.max_ratio, archive.max_pixels, max_entries=20_000)


def decode(data: bytes) -> np.ndarray:
    """Return the pixels of a photo as ``scenes.serving.photos.decode`` does, waiting while others' are being decoded.

    Raises:
        InputError: see there.
    """
    with _decoding:
        return photos.decode(data, limits())


def available_models() -> list[str]:
    """Return the models that can be chosen, the one in production first."""
    return checkout.available_models(ROOT)


def preload() -> None:
    """Load the model in production soon, unless that has begun or there is none."""
    if checkout.PRODUCTION in available_models() and checkout.PRODUCTION not in _futures:
        # Not at once: while TensorFlow is imported, no other thread runs and no page reaches the visitor.
        timer = threading.Timer(_SOON, _future, [checkout.PRODUCTION])
        timer.daemon = True
        timer.start()


def say_that_there_is_none() -> None:
    """Tell the visitor how a model comes to be."""
    st.info("There is no model yet. Fetch it with `dvc pull`, or make it with `dvc repro`; then load this page again.")


def wait_for_model(name: str) -> Served:
    """Return a model, waiting for it where it is still being loaded.

    Raises:
        InputError: it is not there.
    """
    return _future(name).result()


_futures: dict[str, tuple[object, Future]] = {}  # by name, with the version that it stands for
_starting = threading.Lock()


def _future(name: str) -> Future:
    # Looked up at each call, so that visitors get what `dvc repro` or `dvc pull` put there meanwhile.
    version = checkout.fingerprint(ROOT, name)
    with _starting:
        loaded, future = _futures.get(name, (None, None))
        if future is None or loaded != version:
            future = Future()
            _futures[name] = version, future
            threading.Thread(target=_load, args=(name, future), daemon=True, name=f"load {name}").start()
        return future


def _load(name: str, future: Future) -> None:
    try:
        with _loading:
            _configure()
            model = checkout.load(ROOT, name, unsure_below=params().select.unsure_below)
            # The first call is slower than all others, which visitors need not know.
            model.predict([np.zeros((model.size, model.size, 3), np.uint8)])
            maps = gradcam.compiled(model.network, (model.size, model.size, 3))
        future.set_result(Served(model, Batcher(model.predict, BATCH_SIZE), maps))
    except BaseException as error:
        with _starting:
            if _futures.get(name, (None, None))[1] is future:  # else another version has taken its place, or failed
                del _futures[name]  # a visitor may have it made meanwhile and try again
        future.set_exception(error)


@cache
def _configure() -> None:
    from scenes.common.runtime import configure

    configure(seed=0, threads=params().threads)
