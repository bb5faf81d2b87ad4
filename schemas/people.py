"""The people of a tenant and where each can be reached, as the policy names them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.parts import Written

#: E.164: a plus, the country, the number; no spaces.
Phone = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]
Email = Annotated[str, Field(pattern=r"^[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,253}$")]


class Person(Written):
    """Somebody who may act: a button pressed or a reply sent from there is theirs."""

    name: str = Field(
        pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$", max_length=80,
        description="How timelines and audit name the person.",
    )  # fmt: skip
    slack: str | None = Field(None, pattern=r"^[UW][A-Z0-9]{2,30}$", description="Slack user id.")
    phone: Phone | None = Field(None, description="Such as +4915112345678.")
    email: Email | None = Field(None, description="The address that mail comes from.")
