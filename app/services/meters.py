"""Meters: what is measured of the events that applications send."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import exists, select

from app.db import session
from app.domain.errors import Conflict, InvalidInput
from app.domain.usage import LatePolicy
from app.models import Charge, Meter, Subscription
from app.queries.base import get
from app.services.events import emit
from app.services.history import audit

LATE_POLICIES: tuple[str, ...] = get_args(LatePolicy)
EDITABLE = frozenset({"name", "late_policy", "details"})


def create(values: Mapping[str, Any], at: datetime) -> Meter:
    """Add a meter: `code`, `name`, `aggregation`, `property_name` (for all but count), `late_policy`, `details`.

    Raises InvalidInput for what the domain refuses, Conflict for a code that is taken.
    """
    row = Meter(**values, created_at=at)
    _check(row)
    if session().scalar(select(Meter.id).where(Meter.code == row.code)):
        raise Conflict(f"Another meter has the code “{row.code}”.", code="code_taken", field="code")
    session().add(row)
    session().flush()
    audit("meter.create", row.id, at, code=row.code)
    emit("meter.created", row.id, at)
    return row


def update(meter_id: str, values: Mapping[str, Any], at: datetime) -> Meter:
    """Change a meter's name, late policy or metadata. What it measures stays: events are read as they arrive."""
    row = get(Meter, meter_id, lock=True)
    fixed = sorted(values.keys() - EDITABLE)
    if fixed:
        raise InvalidInput(
            f"{fixed[0]} of a meter cannot be changed: add another meter.", code="not_editable", field=fixed[0]
        )
    for name, value in values.items():
        setattr(row, name, value)
    _check(row)
    audit("meter.update", row.id, at, fields=sorted(values))
    emit("meter.updated", row.id, at, fields=sorted(values))
    return row


def archive(meter_id: str, at: datetime) -> Meter:
    """Measure no more: its events are refused from now on. Raises Conflict while a running subscription pays by it."""
    row = get(Meter, meter_id, lock=True)
    if _is_in_use(row):
        raise Conflict("Running subscriptions pay by this meter: change their plans first.", code="meter_in_use")
    row.archived_at = row.archived_at or at
    audit("meter.archive", row.id, at)
    emit("meter.archived", row.id, at)
    return row


def restore(meter_id: str, at: datetime) -> Meter:
    """Measure again."""
    row = get(Meter, meter_id, lock=True)
    row.archived_at = None
    audit("meter.restore", row.id, at)
    emit("meter.updated", row.id, at, fields=["archived_at"])
    return row


def _check(row: Meter) -> None:
    for field in ("code", "name"):
        if not (getattr(row, field) or "").strip():
            raise InvalidInput(f"A meter needs a {field}.", code="missing", field=field)
    row.late_policy = row.late_policy or LATE_POLICIES[0]
    if row.late_policy not in LATE_POLICIES:
        raise InvalidInput(
            f"late_policy is one of {', '.join(LATE_POLICIES)}.", code="unknown_late_policy", field="late_policy"
        )
    _ = row.rules


def _is_in_use(row: Meter) -> bool:
    paid_by = select(Charge.plan_id).where(Charge.meter_id == row.id)
    running = Subscription.plan_id.in_(paid_by) & Subscription.ended_at.is_(None)
    return bool(session().scalar(select(exists().where(running))))
