"""What the entries of configuration files share, wherever their models stand."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$", description="Letters, digits, dots, dashes.")]


class Entry(BaseModel):
    """What every entry shares: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Keyed(Entry):
    """An entry that others name by its key."""

    key: Key
    name: str = Field("", max_length=160, description="Shown to people. Empty takes the key.")
