"""Meters."""

from http import HTTPStatus

from app import models
from app.api.blueprint import v1
from app.api.codes import code_from
from app.api.operations import reads, writes
from app.api.schemas.base import Page, page_of
from app.api.schemas.meters import Meter, MeterChanges, MeterListing, NewMeter
from app.clock import now
from app.permissions import Permission
from app.queries import usage_lists
from app.queries.base import get
from app.services import meters


@v1.get("/meters")
@reads(Page[Meter])
def list_meters(query: MeterListing) -> Page[Meter]:
    """List meters, the newest first."""
    return page_of(usage_lists.meters(query.filters, cursor=query.cursor, limit=query.limit), Meter.of)


@v1.post("/meters")
@writes(Meter, Permission.SELL, HTTPStatus.CREATED)
def add_meter(json: NewMeter) -> Meter:
    """Add a meter."""
    return Meter.of(meters.create({"code": json.code or code_from(json.name), **json.given()}, now()))


@v1.get("/meters/<meter_id>")
@reads(Meter)
def show_meter(meter_id: str) -> Meter:
    """Show a meter."""
    return Meter.of(get(models.Meter, meter_id))


@v1.patch("/meters/<meter_id>")
@writes(Meter, Permission.SELL)
def change_meter(meter_id: str, json: MeterChanges) -> Meter:
    """Change a meter, archive it or take it back into use."""
    values, at = json.given(), now()
    archived = values.pop("archived", None)
    row = meters.update(meter_id, values, at)
    if archived is not None:
        row = meters.archive(meter_id, at) if archived else meters.restore(meter_id, at)
    return Meter.of(row)
