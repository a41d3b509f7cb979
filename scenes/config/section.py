"""What the sections of params.yaml have in common, and the types of their values."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# What a stage, a folder and a class of DVC's plots can be called without quoting.
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]


class Section(BaseModel):
    """A mapping in params.yaml. Every key is required, no other is allowed, and 1 is not "1"."""

    model_config = ConfigDict(extra="forbid", strict=True)
