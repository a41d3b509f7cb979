"""Settings of the profile ``own`` that suit somebody's pictures and a machine without a GPU."""

from typing import NamedTuple

from scenes.own.sample import FAR_FROM_SQUARE, Sample

STEP = 32  # pixels; the networks halve the resolution five times
SMALLEST, LARGEST = 64, 224  # pixels a side; the backbone was trained at 224, and below 64 px the CNN has nothing left
# With more labelled images than these, the largest size is smaller: time and disk grow with images and pixels.
MANY = ((100_000, 128), (30_000, 160))
# Pixels a side. A logistic regression on the backbone's features of 2,000 real photos was right on 0.834, 0.867 and
# 0.885 of 1,000 others at 128 pixels, enlarged from 32, from 64 and from 150; at 160 pixels on 0.844, 0.876 and 0.896.
BACKBONE_SMALLEST = 160
CNN_LARGEST = 96  # pixels a side; at 160 the CNN, which is there to compare with, would take three times as long
CNN_IMAGES = 60_000  # seen in training, epochs times images: four minutes on two cores
CNN_EPOCHS = 6, 40
PAD_ABOVE = 0.25  # share of pictures that are far from square


class Settings(NamedTuple):
    """Values for ``profiles.own`` in params.yaml, see there."""

    image_size: int
    fit: str
    cnn_image_size: int
    cnn_epochs: int
    backbone_image_size: int

    def values(self) -> dict[str, int | str]:
        """Return them by their keys in the block of a profile."""
        return {
            "image_size": self.image_size,
            "fit": self.fit,
            "cnn.image_size": self.cnn_image_size,
            "cnn.epochs": self.cnn_epochs,
            "features.frozen.image_size": self.backbone_image_size,
            "features.finetuned.image_size": self.backbone_image_size,
        }


def choose(sample: Sample, training_images: int) -> Settings:
    """Return settings for pictures like those of ``sample``.

    Square pictures of one size keep it: then the records hold the files as they are, in a third of the room and without
    the time for encoding.

    Args:
        sample: their sizes.
        training_images: how many there are to train on, roughly.
    """
    largest = next((size for count, size in MANY if training_images > count), LARGEST)
    rounded = _clamp(STEP * round(sample.short_side / STEP), SMALLEST, largest)
    image_size = sample.square_side if SMALLEST <= sample.square_side <= largest else rounded
    return Settings(
        image_size=image_size,
        fit="pad" if sample.far_from_square > PAD_ABOVE else "crop",
        cnn_image_size=min(image_size, CNN_LARGEST),
        cnn_epochs=_clamp(CNN_IMAGES // max(training_images, 1), *CNN_EPOCHS),
        backbone_image_size=max(rounded, BACKBONE_SMALLEST),
    )


def why_fit(sample: Sample) -> str:
    """Return the reason for ``fit`` in words."""
    share = f"{sample.far_from_square:.0%} are more than {FAR_FROM_SQUARE:g} times as long as wide"
    if sample.far_from_square > PAD_ABOVE:
        return f"padded, because {share}, and their middle square would be less than half of them"
    return f"their middle square, though {share}" if sample.far_from_square else "their middle square"


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))
