"""Test clocks."""

from http import HTTPStatus

from app.api.blueprint import v1
from app.api.operations import reads, writes
from app.api.schemas.base import Page, page_of
from app.api.schemas.test_clocks import Advance, NewTestClock, TestClock, TestClockListing
from app.clock import now
from app.permissions import Permission
from app.queries import test_clocks as clocks
from app.services import test_clocks


@v1.get("/test-clocks")
@reads(Page[TestClock])
def list_test_clocks(query: TestClockListing) -> Page[TestClock]:
    """List test clocks, the newest first."""
    return page_of(clocks.clocks(cursor=query.cursor, limit=query.limit), TestClock.of)


@v1.post("/test-clocks")
@writes(TestClock, Permission.SELL, HTTPStatus.CREATED)
def add_test_clock(json: NewTestClock) -> TestClock:
    """Set up a test clock, in test mode."""
    return TestClock.of(test_clocks.create(json.name, json.now, now()))


@v1.get("/test-clocks/<test_clock_id>")
@reads(TestClock)
def show_test_clock(test_clock_id: str) -> TestClock:
    """Show a test clock."""
    return TestClock.of(clocks.existing(test_clock_id))


@v1.post("/test-clocks/<test_clock_id>/advance")
@writes(TestClock, Permission.SELL, HTTPStatus.ACCEPTED)
def advance_test_clock(test_clock_id: str, json: Advance) -> TestClock:
    """Advance a test clock.

    All that falls due for its customers until then is done in order, each at its own instant. Ask for the clock until
    it is `ready`.
    """
    return TestClock.of(test_clocks.advance(test_clock_id, json.to, now()))


@v1.delete("/test-clocks/<test_clock_id>")
@writes(None, Permission.SELL, HTTPStatus.NO_CONTENT)
def delete_test_clock(test_clock_id: str) -> None:
    """Delete a test clock. For the customers on it time has stopped."""
    test_clocks.delete(test_clock_id, now())
