"""What the sections of params.yaml have in common, and the types of their values."""

import re
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


def matching(pattern: str, message: str) -> AfterValidator:
    """Return a validator of texts that match a whole regular expression; ``message`` says what to write instead."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(message)
        return value

    return AfterValidator(check)


Sha256 = Annotated[str, matching("[0-9a-f]{64}", "write the 64 lower-case hex digits that sha256sum prints")]
NAME = "[a-z][a-z0-9_-]*"  # what a stage, a folder and a class of DVC's plots can be called without quoting
ModelName = Annotated[str, matching(NAME, "use a letter, then letters, digits, - and _, all in lower case")]

_T = TypeVar("_T")
# What is not pinned is null or '', which is what a list has: DVC does not keep a null in a list as it is written.
Pin = Annotated[_T | None, BeforeValidator(lambda value: None if value == "" else value)]
ONE = "one value"
# One value, or a list of them. Which one it is meant to be is clear, so that a message speaks of this one alone.
OneOrList = Annotated[
    Annotated[_T, Tag(ONE)] | Annotated[list[_T], Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, list) else ONE),
]


class Section(BaseModel):
    """A mapping in params.yaml. Every key is required, no other is allowed, and 1 is not "1"."""

    model_config = ConfigDict(extra="forbid", strict=True)
