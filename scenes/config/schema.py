"""What params.yaml may hold. ``python -m scenes.config.schema`` checks the whole file and names what is wrong.

Each command in dvc.yaml is preceded by that check, so nothing starts on a bad file; the stages themselves do
not import this module, so that a new parameter here re-runs nothing.
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from ruamel.yaml import YAMLError

from scenes.common.errors import InputError, exit_on_input_error
from scenes.config.params import parse
from scenes.download.source import parse as parse_source
from scenes.models.backbone import IMAGENET_MD5

Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# Files and folders that the stages write beside those of the models, in metrics/, models/ and plots/.
RESERVED = {"audit", "comparison", "multilabel", "export", "finetune", "label_issues", "predictions", "production"}
# What a stage, a folder and a class of DVC's plots can be called without quoting.
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]


class Section(BaseModel):
    """A mapping in params.yaml: every key is required, no other is allowed, and 1 is not "1"."""

    model_config = ConfigDict(extra="forbid", strict=True)


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


class ProfileFinetune(Section):
    """How much of a backbone is fine-tuned, and in which batches."""

    epochs: NonNegativeInt
    blocks: PositiveInt | None
    batch_size: PositiveInt
    gradient_accumulation: PositiveInt


class Profile(Section):
    """What differs between the profiles."""

    source: str
    archive_bytes: PositiveInt | None
    archive_sha256: Sha256 | None
    image_size: Annotated[int, Field(ge=32, le=1024)]
    backbone: Literal[tuple(IMAGENET_MD5)]
    backbone_image_size: Annotated[int, Field(ge=32, le=1024)]
    weights: Annotated[str, StringConstraints(pattern=r"^(imagenet|random|file:.+)$")]
    weights_sha256: Sha256 | None
    test_time_flip: bool
    finetune: ProfileFinetune
    label_issue_features: Literal["cnn", "features"]
    synthetic: Synthetic | None

    @field_validator("source")
    @classmethod
    def _source_parses(cls, value: str) -> str:
        try:
            parse_source(value)
        except InputError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _combinations(self):
        if self.source == "synthetic" and self.synthetic is None:
            raise ValueError("source: synthetic needs the block `synthetic`")
        if self.weights_sha256 and not self.weights.startswith("file:"):
            raise ValueError("weights_sha256 goes with weights: file:<path>; the hash of `imagenet` is known")
        return self


class Layout(Section):
    """Folder names of the archive."""

    train: str
    test: str
    pred: str | None

    @model_validator(mode="after")
    def _distinct(self):
        if len({self.train, self.test, self.pred}) < 3:
            raise ValueError("train, test and pred need three different names")
        return self


class Archive(Section):
    """What an archive may hold."""

    layout: Layout
    max_member_bytes: PositiveInt
    max_ratio: PositiveInt
    max_pixels: PositiveInt


class Audit(Section):
    """The audit."""

    near_duplicate_distance: Annotated[int, Field(ge=0, le=16)]


class Split(Section):
    """The split."""

    val_fraction: Annotated[float, Field(gt=0, lt=1)]
    drop_train_duplicates_of_test: bool
    drop_conflicting_duplicates: bool


class Records(Section):
    """Writing records."""

    shard_size: PositiveInt


class Features(Section):
    """Computing embeddings."""

    batch_size: PositiveInt


class EarlyStopping(Section):
    """When to stop, and with which weights to end."""

    monitor: Literal["val_accuracy", "val_crossentropy", "val_loss"]
    min_delta: NonNegativeFloat
    patience: NonNegativeInt | None
    restore_best: bool


class Fit(Section):
    """Fitting a network, whatever the number of epochs and the size of the batches."""

    optimizer: Literal["adam", "adamw", "sgd"]
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat | None
    schedule: Literal["constant", "cosine"]
    warmup_epochs: NonNegativeFloat
    label_smoothing: Share
    early_stopping: EarlyStopping

    @model_validator(mode="after")
    def _schedule(self):
        if self.schedule == "constant" and self.warmup_epochs:
            raise ValueError("schedule: constant has no warm-up; set warmup_epochs to 0")
        return self


class Training(Fit):
    """Fitting a network."""

    epochs: PositiveInt
    batch_size: PositiveInt

    @model_validator(mode="after")
    def _warmup(self):
        if self.schedule == "cosine" and self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs ({self.warmup_epochs:g}) must be less than epochs ({self.epochs})")
        return self


class CnnNetwork(Section):
    """The baseline's architecture."""

    filters: Annotated[list[PositiveInt], Field(min_length=1, max_length=6)]
    dropout: Share


class HeadNetwork(Section):
    """The head's architecture."""

    units: PositiveInt
    dropout: Share


class MultilabelUnits(Section):
    """The second output's hidden layer, by the kind of model."""

    cnn: PositiveInt | None
    head: PositiveInt | None


class Multilabel(Section):
    """Fitting the second output."""

    units: MultilabelUnits
    rejection_rate: Share
    dropout: Share
    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat


class Composites(Section):
    """How many images are joined, at most."""

    val: PositiveInt
    test: PositiveInt


class Augmentation(Section):
    """Random changes of the training images."""

    flip: bool
    max_shift: Annotated[float, Field(ge=0, lt=0.5)]


class Finetune(Section):
    """Fine-tuning the backbone."""

    cache_mb: NonNegativeFloat
    probe_C: PositiveFloat
    augmentation: Augmentation
    training: Fit


class LabelIssues(Section):
    """Finding labels that may be wrong."""

    cnn: ModelName
    folds: Annotated[int, Field(ge=2, le=20)]
    C: PositiveFloat
    shown: Annotated[int, Field(ge=1, le=300)]


class CnnModel(Section):
    """A network trained from scratch."""

    kind: Literal["cnn"]
    input: Literal["records"]
    cache_mb: NonNegativeFloat
    network: CnnNetwork
    augmentation: Augmentation
    training: Training


class HeadModel(Section):
    """A head on a frozen backbone."""

    kind: Literal["head"]
    input: Literal["features"]
    network: HeadNetwork
    training: Training


class Published(Section):
    """A score that others report."""

    model: str
    accuracy: str
    remark: str


class Report(Section):
    """The report."""

    title: str
    published: list[Published]


class Select(Section):
    """Choosing the model for production."""

    metric: Literal["accuracy", "balanced_accuracy", "macro_f1", "crossentropy", "brier_score"]
    tolerance: NonNegativeFloat
    unsure_below: Literal["precision_90", "precision_95", "precision_99"]


class Tolerance(Section):
    """How far each format may be from the Keras model."""

    saved_model: PositiveFloat
    litert: PositiveFloat
    onnx: PositiveFloat


class Export(Section):
    """The model in production for other programs."""

    formats: list[Literal[tuple(Tolerance.model_fields)]]
    images: PositiveInt
    tolerance: Tolerance

    @field_validator("formats")
    @classmethod
    def _named_once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("each format can be named once only")
        return value


class Params(Section):
    """The whole of params.yaml."""

    profile: str
    seed: Seed
    threads: PositiveInt
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16", "auto"]
    xla: bool
    profiles: dict[str, Profile]
    archive: Archive
    audit: Audit
    split: Split
    records: Records
    features: Features
    finetune: Finetune
    composites: Composites
    multilabel: Multilabel
    label_issues: LabelIssues
    models: Annotated[
        dict[ModelName, Annotated[CnnModel | HeadModel, Field(discriminator="kind")]], Field(min_length=1)
    ]
    select: Select
    export: Export
    report: Report

    @model_validator(mode="after")
    def _profile_exists(self):
        if self.profile not in self.profiles:
            raise ValueError(f"profile: {self.profile!r} is not one of {', '.join(self.profiles)}")
        return self

    @model_validator(mode="after")
    def _label_issues_have_their_cnn(self):
        model = self.models.get(self.label_issues.cnn)
        if model is None or model.kind != "cnn":
            raise ValueError(f"label_issues.cnn: {self.label_issues.cnn!r} is not a model of kind cnn")
        return self

    @model_validator(mode="after")
    def _names_are_free(self):
        if taken := sorted(RESERVED & set(self.models)):
            raise ValueError(f"models.{taken[0]}: the pipeline itself writes files of that name; choose another")
        return self

    @model_validator(mode="after")
    def _finetuning_warms_up(self):
        warmup, fit = self.finetune.training.warmup_epochs, self.finetune.training
        for name, profile in self.profiles.items():
            if fit.schedule == "cosine" and 0 < profile.finetune.epochs <= warmup:
                raise ValueError(
                    f"profiles.{name}.finetune.epochs ({profile.finetune.epochs}) must be more than "
                    f"finetune.training.warmup_epochs ({warmup:g}), or 0"
                )
        return self


def check(path: str | Path = "params.yaml") -> Params:
    """Return the parameters in ``path`` as typed values.

    Raises:
        InputError: not YAML, an unknown or missing key, a wrong type or value, or values that exclude each
            other; the sentence names the key.
    """
    path = Path(path)
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run from the root of the repository") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: {_format_error(error)}") from None


def _format_error(error: ValidationError) -> str:
    first, *others = error.errors(include_url=False)
    # A discriminated union puts its tag (cnn, head) into the location; no such key stands in the file.
    keys = [str(part) for part in first["loc"]]
    if keys[:1] == ["models"] and len(keys) > 3:
        del keys[2]
    key = ".".join(keys) or "the file"
    message = {
        "extra_forbidden": "is not a known key",
        "missing": "is missing",
    }.get(first["type"], first["msg"].removeprefix("Value error, "))
    joint = " " if first["type"] in ("extra_forbidden", "missing") else ": "
    more = f" (and {len(others)} more)" if others else ""
    return f"`{key}`{joint}{message}{more}"


if __name__ == "__main__":
    with exit_on_input_error():
        check(*sys.argv[1:2])
