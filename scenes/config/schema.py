"""What params.yaml may hold. ``python -m scenes.config.schema`` checks the whole file and names what is wrong."""

import sys
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)
from ruamel.yaml import YAMLError

from scenes.common.archives import as_list
from scenes.common.errors import InputError, exit_on_input_error
from scenes.common.words import count, suggestion
from scenes.config.data_schema import Archive, Audit, Features, Records, Split, Synthetic
from scenes.config.model_schema import (
    CnnModel,
    FeatureSet,
    Finetune,
    LabelIssues,
    LinearModel,
    Mirroring,
    ProfileCnn,
)
from scenes.config.params import describe_yaml_error, parse_yaml
from scenes.config.problems import first_problem
from scenes.config.section import ModelName, OneOrList, Pin, Section, Seed, Sha256
from scenes.download.source import parse_sources, refuse_address

# Names in data/scores/, models/ and plots/ that the stages use beside those of the models.
RESERVED = {"audit", "comparison", "export", "finetune", "label_issues", "predictions", "production"}


class Published(Section):
    """A score that others have reported."""

    model: str
    accuracy: str
    remark: str


class Profile(Section):
    """What differs between the profiles."""

    title: str
    icon: str
    source: OneOrList[str]
    archive_bytes: OneOrList[Pin[PositiveInt]]
    archive_sha256: OneOrList[Pin[Sha256]]
    image_size: Annotated[int, Field(ge=32, le=1024)]
    fit: Literal["crop", "pad", "squash"]
    cnn: ProfileCnn
    features: dict[ModelName, FeatureSet]
    published: list[Published]
    synthetic: Synthetic | None

    @field_validator("source")
    @classmethod
    def _check_source(cls, value: str | list[str]) -> str | list[str]:
        try:
            parse_sources(value)
        except InputError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if "synthetic" in as_list(self.source) and self.synthetic is None:
            raise ValueError("source: synthetic needs the block `synthetic`")
        for name in ("archive_bytes", "archive_sha256"):
            expected = getattr(self, name)
            given, sources = len(as_list(expected)), len(as_list(self.source))
            if expected is not None and given != sources:
                raise ValueError(
                    f"{name}: {given} for {count(sources, 'source')}; make it a list with a value for each, '' for "
                    "one that is not pinned"
                )
        return self


class Select(Section):
    """Choosing the model for production."""

    metric: Literal["accuracy", "balanced_accuracy", "macro_f1", "crossentropy", "brier_score"]
    tolerance: NonNegativeFloat
    unsure_below: Literal["precision_90", "precision_95", "precision_99"]


class Export(Section):
    """The production model for other programs."""

    formats: list[Literal["saved_model", "litert", "onnx"]]
    images: PositiveInt
    tolerance: PositiveFloat

    @field_validator("formats")
    @classmethod
    def _check_formats(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("name each format only once")
        return value


class Params(Section):
    """The whole of params.yaml."""

    profile: str
    watch: str
    seed: Seed
    threads: PositiveInt
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16", "auto"]
    xla: bool
    feature_sets: Annotated[list[ModelName], Field(min_length=1)]
    profiles: dict[str, Profile]
    archive: Archive
    audit: Audit
    split: Split
    records: Records
    features: Features
    augmentation: Mirroring
    finetune: Finetune
    label_issues: LabelIssues
    models: Annotated[
        dict[ModelName, Annotated[CnnModel | LinearModel, Field(discriminator="kind")]], Field(min_length=1)
    ]
    select: Select
    export: Export

    @field_validator("watch")
    @classmethod
    def _check_watch(cls, value: str) -> str:
        try:
            refuse_address(value, "watch")
        except InputError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _check_profile(self) -> Self:
        if self.profile not in self.profiles:
            raise ValueError(f"profile: {self.profile!r} is not one of {', '.join(self.profiles)}")
        return self

    @model_validator(mode="after")
    def _check_feature_sets(self) -> Self:
        for name, profile in self.profiles.items():
            for key in profile.features:
                if key not in self.feature_sets:
                    hint = suggestion(key, self.feature_sets)
                    raise ValueError(f"profiles.{name}.features.{key}: {key!r} is not in `feature_sets`; {hint}")
            if missing := [key for key in self.feature_sets if key not in profile.features]:
                raise ValueError(f"profiles.{name}.features: describe the set {missing[0]!r} of `feature_sets` too")
        for name, model in self.models.items():
            used = model.input.removeprefix("features/")
            if model.kind == "linear" and used not in self.feature_sets:
                hint = suggestion(used, self.feature_sets)
                raise ValueError(f"models.{name}.input: {model.input!r} is not in `feature_sets`; {hint}")
        used = self.label_issues.features
        if used not in self.feature_sets:
            hint = suggestion(used, self.feature_sets)
            raise ValueError(f"label_issues.features: {used!r} is not in `feature_sets`; {hint}")
        if not self.profiles[self.profile].features[used].enabled:
            raise ValueError(f"label_issues.features: the set {used} is not enabled")
        return self

    @model_validator(mode="after")
    def _check_epochs(self) -> Self:
        for profile_name, profile in self.profiles.items():
            for name, model in self.models.items():
                epochs = profile.cnn.epochs
                if model.kind != "cnn" or not epochs or model.training.schedule == "constant":
                    continue
                if model.training.warmup_epochs >= epochs:
                    raise ValueError(
                        f"profiles.{profile_name}.cnn.epochs ({epochs}) must be more than "
                        f"models.{name}.training.warmup_epochs ({model.training.warmup_epochs:g})"
                    )
        return self

    @model_validator(mode="after")
    def _check_model_names(self) -> Self:
        if taken := sorted(RESERVED & set(self.models)):
            raise ValueError(f"models.{taken[0]}: the pipeline itself writes files of that name; choose another")
        return self

    @model_validator(mode="after")
    def _check_finetuning(self) -> Self:
        warmup, fit = self.finetune.training.warmup_epochs, self.finetune.training
        for name, profile in self.profiles.items():
            for key, features in profile.features.items():
                extent = features.finetune
                if extent and fit.schedule == "cosine" and extent.epochs <= warmup:
                    raise ValueError(
                        f"profiles.{name}.features.{key}.finetune.epochs ({extent.epochs}) must be more than "
                        f"finetune.training.warmup_epochs ({warmup:g})"
                    )
        return self


def check(path: str | Path = "params.yaml") -> Params:
    """Return the parameters in ``path`` as typed values.

    Raises:
        InputError: the file is not YAML, a key is unknown or missing, a value is wrong, or values exclude each other.
            The message names the key.
    """
    path = Path(path)
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run from the root of the repository") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {describe_yaml_error(error)}") from None
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: {first_problem(error, values)}") from None


def check_watch(params: Params) -> None:
    """Raise an InputError if the path ``watch`` does not exist; DVC would stop at `download` and not name it."""
    if not Path(params.watch).exists():
        raise InputError(
            f"params.yaml: `watch`: {params.watch} does not exist; run `make own DATA=<path>`, "
            "or set watch to data/README.md and the profile to another one than own"
        )


if __name__ == "__main__":
    with exit_on_input_error():
        check_watch(check(*sys.argv[1:2]))
