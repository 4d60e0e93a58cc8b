"""Meters: what is measured of the events that applications send, and who pays by it."""

from typing import Any

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.models import Meter
from app.permissions import Permission
from app.queries import timeline, usage_lists
from app.queries.base import get
from app.queries.catalog import plans_by_meter
from app.services import meters
from app.web.admin import activity, listing
from app.web.admin.dialogs import confirm
from app.web.admin.forms.meters import MeterChangesForm, MeterForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render

pages = Blueprint("meters", __name__, url_prefix="/meters")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All meters, and on request archived ones."""
    listed = usage_lists.meters(listing.asked("q", "archived"), cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/meters/list.html", listed, ("meter", "meters"))


@pages.get("/new")
@requires(Permission.SELL)
def new() -> Response:
    """The form for a new meter."""
    return _form(MeterForm())


@pages.post("/")
@requires(Permission.SELL)
@once
def create() -> Response:
    """Add a meter."""
    form = MeterForm()
    if form.carry_out(lambda: _create(form.values())):
        return done(url_for(".show", meter_id=form.result), f"{form.name.data} takes events now.")
    return _form(form)


@pages.get("/<meter_id>")
@requires(Permission.VIEW)
def show(meter_id: str) -> Response:
    """A meter: what it measures, which plans charge by it, and whom it alerts."""
    row = get(Meter, meter_id)
    return render(
        "admin/meters/detail.html",
        meter=row,
        plans=plans_by_meter(row.id),
        alerts=usage_lists.alerts({"meter": row.id}).items,
        timeline=activity.told(timeline.of_subjects([row.id], limit=20), on_page_of=row.id),
    )


@pages.get("/<meter_id>/edit")
@requires(Permission.SELL)
def edit(meter_id: str) -> Response:
    """The form to change a meter."""
    row = get(Meter, meter_id)
    return _form(MeterChangesForm(obj=row), row)


@pages.post("/<meter_id>")
@requires(Permission.SELL)
def update(meter_id: str) -> Response:
    """Change a meter's name, or what becomes of late events."""
    row = get(Meter, meter_id)
    form = MeterChangesForm(obj=row)
    if form.carry_out(lambda: _update(meter_id, form.values())):
        return done(url_for(".show", meter_id=meter_id), "The changes were saved.")
    return _form(form, row)


@pages.get("/<meter_id>/archiving")
@requires(Permission.SELL)
def ask_to_archive(meter_id: str) -> Response:
    """Ask before a meter takes no more events."""
    row = get(Meter, meter_id)
    return confirm(
        f"Archive {row.name}?",
        "Its events are refused from now on. That is possible once no running subscription pays by it.",
        url_for(".archive", meter_id=meter_id),
        "Archive",
        url_for(".show", meter_id=meter_id),
    )


@pages.post("/<meter_id>/archiving")
@requires(Permission.SELL)
def archive(meter_id: str) -> Response:
    """Take no more events."""
    with transaction():
        meters.archive(meter_id, clock.now())
    return done(url_for(".show", meter_id=meter_id), "The meter was archived.")


@pages.post("/<meter_id>/restoring")
@requires(Permission.SELL)
def restore(meter_id: str) -> Response:
    """Take events again."""
    with transaction():
        meters.restore(meter_id, clock.now())
    return done(url_for(".show", meter_id=meter_id), "The meter takes events again.")


def _create(values: dict[str, Any]) -> str:
    with transaction():
        return meters.create(values, clock.now()).id


def _update(meter_id: str, values: dict[str, Any]) -> None:
    with transaction():
        meters.update(meter_id, values, clock.now())


def _form(form: MeterChangesForm, row: Meter | None = None) -> Response:
    return render("admin/meters/form.html", status=form.status, form=form, meter=row)
