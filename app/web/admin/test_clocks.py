"""Test clocks: simulated time for customers of a workspace in test mode, moved by hand."""

from datetime import datetime

from flask import Blueprint, Response, request, url_for

from app import clock
from app.db import transaction
from app.domain.periods import Recurrence, Schedule
from app.domain.zones import from_wall, to_wall
from app.models import TestClock
from app.permissions import Permission
from app.queries import test_clocks as query
from app.services import test_clocks
from app.web.admin import listing
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.test_clocks import AdvanceForm, ClockForm
from app.web.auth_guard import person, requires
from app.web.once import once
from app.web.rendering import announce, done, render, wants_fragment

pages = Blueprint("test_clocks", __name__, url_prefix="/test-clocks")

STEPS = ("day", "week", "month")
LOOK_AGAIN_SECONDS = 1


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All clocks, what they show, and how many customers live by each."""
    listed = query.clocks(cursor=listing.cursor(), limit=listing.LIMIT)
    customers = query.counts([row.id for row in listed.items])
    return listing.show_list("admin/test_clocks/list.html", listed, ("clock", "clocks"), customers=customers)


@pages.get("/new")
@requires(Permission.SELL)
def new() -> Response:
    """The form for a new clock."""
    return _form(ClockForm(data={"now": _wall(clock.now())}))


@pages.post("/")
@requires(Permission.SELL)
@once
def create() -> Response:
    """Set up a clock."""
    form = ClockForm()
    if form.carry_out(lambda: _create(form)):
        return done(url_for(".show", clock_id=form.result), f"{form.name.data} was set up. Now add customers to it.")
    return _form(form)


@pages.get("/<clock_id>")
@requires(Permission.VIEW)
def show(clock_id: str) -> Response:
    """What it shows, how to move it, and who lives by it. While it advances, how far it is."""
    row = query.existing(clock_id)
    return _page(row, AdvanceForm(data={"to": _wall(row.now_at)}))


@pages.post("/<clock_id>/advance")
@requires(Permission.SELL)
def advance(clock_id: str) -> Response:
    """Advance a clock to an instant, where the reader is."""
    row, form = query.existing(clock_id), AdvanceForm()
    if form.carry_out(lambda: _advance(clock_id, from_wall(form.to.data, person().timezone))):
        return done(url_for(".show", clock_id=clock_id))
    return _page(row, form)


@pages.post("/<clock_id>/advance/<step>")
@requires(Permission.SELL)
def advance_by(clock_id: str, step: str) -> Response:
    """Advance a clock by a day, a week or a month of the calendar, where the reader is."""
    now = query.existing(clock_id).now_at
    _advance(clock_id, Schedule(Recurrence.parse(step), _wall(now), person().timezone).boundary(1))
    return done(url_for(".show", clock_id=clock_id))


@pages.get("/<clock_id>/deletion")
@requires(Permission.SELL)
def ask_to_delete(clock_id: str) -> Response:
    """Ask before time stops."""
    row = query.existing(clock_id)
    return confirm(
        f"Delete {row.name}?",
        "For the customers on it time stops for good: nothing of theirs falls due any more. What they have stays.",
        url_for(".delete", clock_id=clock_id),
        "Delete",
        url_for(".show", clock_id=clock_id),
    )


@pages.post("/<clock_id>/deletion")
@requires(Permission.SELL)
def delete(clock_id: str) -> Response:
    """Take a clock away."""
    with transaction():
        test_clocks.delete(clock_id, clock.now())
    return done(url_for(".index"), "The clock was deleted.")


def _create(form: ClockForm) -> str:
    with transaction():
        now = from_wall(form.now.data, person().timezone)
        return test_clocks.create(str(form.name.data), now, clock.now()).id


def _advance(clock_id: str, to: datetime) -> None:
    with transaction():
        test_clocks.advance(clock_id, to, clock.now())


def _wall(at: datetime) -> datetime:
    return to_wall(at, person().timezone)


def _form(form: ClockForm) -> Response:
    return dialog("admin/test_clocks/_form.html", "New test clock", ("Test clocks", url_for(".index")), form=form)


def _page(row: TestClock, form: AdvanceForm) -> Response:
    """The page; for one that looks again, the standing alone, and the page as a whole once the clock has arrived."""
    looking = wants_fragment() and request.method == "GET"
    if looking and row.status != "advancing":
        announce(f"{row.name} has arrived.")
        return done(url_for(".show", clock_id=row.id))
    return render(
        "admin/test_clocks/detail.html",
        fragment="admin/test_clocks/_standing.html" if looking else "admin/test_clocks/detail.html",
        status=form.status,
        clock=row,
        form=form,
        steps=STEPS,
        pause=LOOK_AGAIN_SECONDS,
        customers=query.customers_on(row.id),
    )
