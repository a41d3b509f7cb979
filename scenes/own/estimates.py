"""About how long a run of the pipeline takes and how much disk it needs, without a GPU."""

from typing import NamedTuple

from scenes.own.own_settings import Settings
from scenes.process.runtime import cores

# Measured on two cores of a cloud machine, in seconds of a core or, for TensorFlow, of both.
FIXED_SECONDS = 160  # the stages start, most with TensorFlow, build their graphs, draw and export
# For each image, on one core:
COPIED = 5e-4  # packed, checked, hashed and put into the cache by DVC, as 12,600 photos of 15 KB
COPIED_BYTE = 1 / 90e6  # and for each byte
AUDITED = 1.3e-3  # decoded, hashed and compared with all others, as the same photos; all cores share it
AUDITED_MEGAPIXEL = 8.3e-3  # more for each megapixel of the image, from photos of 3 megapixels
RECORDED_MEGAPIXEL = 7.5e-3  # the same for `records`; all cores share it
RECORDED_OUTPUT_MEGAPIXEL = 0.25  # for each megapixel of the record, encoded without loss
LABEL_ISSUES = 6e-4  # five logistic regressions on 2,000 images of 6 classes; with 50 classes a fifth more
# Megapixels a second, as they enter the network:
FEATURE_MEGAPIXELS = 6.0  # EfficientNet-Lite0, forwards
TRAINED_MEGAPIXELS = 2.4  # the CNN, forwards and backwards
# EfficientNet-Lite0 forwards, and all its blocks backwards: 25 ms an image of 160 pixels, 48 of 224, on one core
FINETUNED_MEGAPIXELS = 2.1
MEASURED_CORES = 2

COPIES = 2  # in the working tree and in DVC's cache, where the file system cannot share them
RECORD_BYTES = 2.0  # for each pixel: the photos above as PNG
FEATURE_BYTES = 1568 * 4  # for each image and feature set: float32, of all blocks
FIXED_BYTES = 75_000_000  # weights, models, exports, plots and the report


class Workload(NamedTuple):
    """What a run works on.

    Attributes:
        train: images to train on.
        images: all of them, unlabelled ones included.
        megapixels: of an image, on average.
        bytes: of all images as they are stored now.
    """

    train: int
    images: int
    megapixels: float
    bytes: int


class Machine(NamedTuple):
    """What it runs on.

    Attributes:
        cores: those that this process may use, for the stages that decode images in processes.
        threads: ``threads`` in params.yaml, which limits TensorFlow.
    """

    cores: int
    threads: int

    @property
    def speed(self) -> float:
        """How fast TensorFlow is, in comparison with the machine of the measurements."""
        return min(self.cores, self.threads) / MEASURED_CORES


def this_machine(threads: int) -> Machine:
    """Return the machine that this process runs on."""
    return Machine(cores(), threads)


def run_seconds(work: Workload, settings: Settings, machine: Machine, *, finetune_epochs: int = 0) -> float:
    """Return how long the whole pipeline takes; with ``finetune_epochs`` 0 no backbone is fine-tuned."""
    each = (
        COPIED
        + (AUDITED + AUDITED_MEGAPIXEL * work.megapixels) / machine.cores
        + RECORDED_MEGAPIXEL * work.megapixels / machine.cores
        + RECORDED_OUTPUT_MEGAPIXEL * _megapixels(settings.image_size) / machine.cores
        + LABEL_ISSUES
    )
    data = FIXED_SECONDS + COPIED_BYTE * work.bytes + work.images * each
    models = cnn_seconds(work, settings, machine) + feature_seconds(work, settings, machine)
    finetuned = finetune_seconds(work, settings, machine, epochs=finetune_epochs) if finetune_epochs else 0
    return data + models + finetuned


def cnn_seconds(work: Workload, settings: Settings, machine: Machine) -> float:
    """Return how long training the CNN from scratch takes."""
    size = _megapixels(settings.cnn_image_size)
    return work.train * settings.cnn_epochs * size / TRAINED_MEGAPIXELS / machine.speed


def feature_seconds(work: Workload, settings: Settings, machine: Machine) -> float:
    """Return how long the frozen backbone's features take; the linear classifier on them is not worth counting."""
    return work.images * _megapixels(settings.backbone_image_size) / FEATURE_MEGAPIXELS / machine.speed


def finetune_seconds(work: Workload, settings: Settings, machine: Machine, *, epochs: int) -> float:
    """Return how long `finetune` for some epochs and the stages that depend on it take."""
    trained = work.train * epochs * _megapixels(settings.backbone_image_size) / FINETUNED_MEGAPIXELS / machine.speed
    # Features twice: frozen ones for the linear classifier that fine-tuning starts with, and the final ones.
    return FIXED_SECONDS / 2 + trained + 2 * feature_seconds(work, settings, machine)


def disk_bytes(work: Workload, settings: Settings) -> float:
    """Return how much disk a run needs, DVC's cache included, the installed packages not."""
    each = settings.image_size**2 * RECORD_BYTES + 2 * FEATURE_BYTES
    return COPIES * (work.bytes + work.images * each + FIXED_BYTES)


def in_words(seconds: float) -> str:
    """Return a duration for people, rounded as the estimate deserves."""
    if seconds < 90 * 60:
        return f"{max(1, round(seconds / 60))} minutes" if seconds >= 90 else "1 minute"
    return f"{seconds / 3600:.1f} hours"


def _megapixels(size: int) -> float:
    return size**2 / 1e6
