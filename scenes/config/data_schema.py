"""The sections of params.yaml about images: the archive, the split, the records and the features."""

import codecs
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from scenes.config.section import Section, Seed, Share, matching

_LABELS = "use folders, table:<path>, table:<path>:<column> or name:<regular expression>"


class Faults(Section):
    """Faults planted in the synthetic archive."""

    wrong_label: Share
    exact_duplicate: Share
    near_duplicate: Share
    conflicting_duplicate: Share
    odd_size: Share
    grey: Share
    broken: bool


class Synthetic(Section):
    """The archive that ``source: synthetic`` draws."""

    seed: Seed
    train: PositiveInt
    test: PositiveInt
    pred: NonNegativeInt
    size: Annotated[int, Field(ge=32, le=512)]
    faults: Faults


class Layout(Section):
    """Where the images, their classes and their splits are in the archive; None: found by itself."""

    train: str | None
    val: str | None
    test: str | None
    pred: str | None
    labels: Annotated[str, matching("folders|(table|name):.+", _LABELS)] | None
    depth: PositiveInt | None
    subject: Annotated[str, matching("(column|path):.+", "use column:<name> or path:<regular expression>")] | None
    leave_out: list[str]

    @model_validator(mode="after")
    def _are_distinct(self) -> Self:
        names = [name for name in (self.train, self.val, self.test, self.pred) if name is not None]
        if len(set(names)) < len(names):
            raise ValueError("train, val, test and pred need different names")
        return self


class Archive(Section):
    """The layout of the archive and its limits."""

    layout: Layout
    name_encoding: str | None
    max_member_bytes: PositiveInt
    max_ratio: PositiveInt
    max_pixels: PositiveInt

    @field_validator("name_encoding")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        try:
            codecs.lookup(value or "utf-8")
        except LookupError:
            raise ValueError(f"{value!r} is not an encoding of Python's, such as gbk, shift_jis or cp866") from None
        return value


class Audit(Section):
    """Which images count as near duplicates."""

    near_duplicate_distance: Annotated[int, Field(ge=0, le=16)]


class Split(Section):
    """How training images are split, and which are left out."""

    test_fraction: Annotated[float, Field(gt=0, lt=1)]
    val_fraction: Annotated[float, Field(gt=0, lt=1)]
    drop_train_duplicates_of_test: bool
    drop_conflicting_duplicates: bool
    drop_damaged: bool
    without_test: Literal["hold_out", "drop"]


class Records(Section):
    """Writing TFRecords."""

    shard_size: PositiveInt


class Features(Section):
    """Computing a backbone's features."""

    batch_size: PositiveInt
