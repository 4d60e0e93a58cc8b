"""Test clocks on the wire."""

from typing import Literal

from pydantic import Field

from app.api.schemas.base import UNSET, Answer, Listing, Request
from app.api.schemas.values import Instant, TestClockId, Text, Utc


class NewTestClock(Request):
    """A clock to set up. It shows the present unless told otherwise."""

    name: Text = "Test clock"
    now: Instant = UNSET


class Advance(Request):
    """How far a clock is to go on."""

    to: Instant


class TestClock(Answer):
    """A clock for customers in test mode. It stands still until it is advanced, and is `ready` when it has arrived.

    `failed` says why it could not: advance it again once that is mended.
    """

    __test__ = False  # no test case, for all its name

    id: TestClockId
    name: str
    now: Utc = Field(validation_alias="now_at")
    target: Utc = Field(validation_alias="target_at")
    status: Literal["ready", "advancing", "failed"]
    failure: str | None
    created_at: Utc


class TestClockListing(Listing):
    """Which clocks."""

    __test__ = False
