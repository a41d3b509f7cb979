"""The sections of params.yaml about networks and their training."""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from scenes.backbones import backbone
from scenes.common.errors import InputError
from scenes.config.section import NAME, ModelName, Section, Sha256, Share, matching


class EarlyStopping(Section):
    """When to stop, and which weights to keep."""

    monitor: Literal["val_accuracy", "val_calibrated_crossentropy", "val_crossentropy", "val_loss"]
    min_delta: NonNegativeFloat
    patience: NonNegativeInt | None
    restore_best: bool


class Fit(Section):
    """Fitting a network; the number of epochs and the batch size are set elsewhere."""

    optimizer: Literal["adam", "adamw", "sgd"]
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat | None
    schedule: Literal["constant", "cosine"]
    warmup_epochs: NonNegativeFloat
    label_smoothing: Share
    class_weight: Literal["none", "balanced"]
    early_stopping: EarlyStopping

    @model_validator(mode="after")
    def _check_schedule(self) -> Self:
        if self.schedule == "constant" and self.warmup_epochs:
            raise ValueError("schedule: constant has no warm-up; set warmup_epochs to 0")
        return self


class Training(Fit):
    """Fitting a network for a number of epochs."""

    epochs: PositiveInt
    batch_size: PositiveInt

    @model_validator(mode="after")
    def _check_warmup(self) -> Self:
        if self.schedule == "cosine" and self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs ({self.warmup_epochs:g}) must be less than epochs ({self.epochs})")
        return self


class CnnNetwork(Section):
    """The baseline's architecture."""

    filters: Annotated[list[PositiveInt], Field(min_length=1, max_length=6)]
    dropout: Share


class Mirroring(Section):
    """Random changes to all training images: what the classes allow."""

    flip: bool


class Augmentation(Section):
    """Random changes to the training images of one network."""

    min_area: Annotated[float, Field(gt=0, le=1)]
    colour: Annotated[float, Field(ge=0, lt=1)]


class CnnModel(Section):
    """A network trained from scratch."""

    kind: Literal["cnn"]
    input: Literal["records"]
    cache_mb: NonNegativeFloat
    network: CnnNetwork
    augmentation: Augmentation
    training: Training


class LinearModel(Section):
    """A linear classifier on the features of a backbone."""

    kind: Literal["linear"]
    input: Annotated[str, matching(f"features/{NAME}", "use features/<name of a feature set>")]
    C: Annotated[list[PositiveFloat], Field(min_length=1)]
    class_weight: Literal["none", "balanced"]


class ProfileCnn(Section):
    """What a CNN sees and for how long; None: as the records and the model say."""

    image_size: Annotated[int, Field(ge=32, le=1024)] | None
    epochs: PositiveInt | None


class FinetuneExtent(Section):
    """How much of a backbone is fine-tuned, and in what batches."""

    epochs: PositiveInt
    blocks: PositiveInt | None
    batch_size: PositiveInt
    gradient_accumulation: PositiveInt


class FeatureSet(Section):
    """A backbone, and what its features are."""

    enabled: bool
    backbone: Annotated[
        str, matching(r"[A-Za-z_]\w*([.+][A-Za-z_]\w*)*", "use a name of docs/models.md, or <name>+<name>")
    ]
    scaling: Literal["none", "unit", "tf", "torch", "caffe"]
    weights: Annotated[str, matching("imagenet|random|file:.+", "use imagenet, random or file:<path>")]
    weights_sha256: Sha256 | None
    image_size: Annotated[int, Field(ge=32, le=1024)]
    levels: Literal["top", "blocks"]
    test_time_flip: bool
    finetune: FinetuneExtent | None

    @field_validator("backbone")
    @classmethod
    def _check_backbone(cls, value: str) -> str:
        try:
            backbone.names(value)
        except InputError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        if self.weights_sha256 and not self.weights.startswith("file:"):
            raise ValueError("weights_sha256 needs weights: file:<path>; the hash of `imagenet` is known")
        if self.weights.startswith("file:") and "+" in self.backbone:
            raise ValueError("weights: file:<path> is for one backbone; of several, use imagenet or random")
        if self.scaling != "none" and not any("." in name for name in self.backbone.split("+")):
            raise ValueError("scaling is for backbones with a dotted name; the others scale their input")
        return self


class Finetune(Section):
    """Fine-tuning the backbone."""

    cache_mb: NonNegativeFloat
    probe_C: PositiveFloat
    augmentation: Augmentation
    training: Fit


class LabelIssues(Section):
    """Finding labels that may be wrong."""

    features: ModelName
    folds: Annotated[int, Field(ge=2, le=20)]
    C: PositiveFloat
    shown: Annotated[int, Field(ge=1, le=300)]
