"""Alerts on usage."""

from http import HTTPStatus

from app import models
from app.api.blueprint import v1
from app.api.operations import reads, writes
from app.api.references import existing
from app.api.schemas.base import Page, page_of
from app.api.schemas.usage_alerts import NewUsageAlert, UsageAlert, UsageAlertListing
from app.clock import now
from app.permissions import Permission
from app.queries import usage_lists
from app.services import usage_alerts


@v1.get("/usage-alerts")
@reads(Page[UsageAlert])
def list_usage_alerts(query: UsageAlertListing) -> Page[UsageAlert]:
    """List alerts on usage, the newest first."""
    return page_of(usage_lists.alerts(query.filters, cursor=query.cursor, limit=query.limit), UsageAlert.of)


@v1.post("/usage-alerts")
@writes(UsageAlert, Permission.SELL, HTTPStatus.CREATED)
def add_usage_alert(json: NewUsageAlert) -> UsageAlert:
    """Add an alert on usage."""
    meter = existing(models.Meter, json.meter, "meter")
    customer = existing(models.Customer, json.customer, "customer").id if json.customer else None
    return UsageAlert.of(usage_alerts.create(meter.id, json.levels, now(), customer))


@v1.delete("/usage-alerts/<usage_alert_id>")
@writes(None, Permission.SELL, HTTPStatus.NO_CONTENT)
def remove_usage_alert(usage_alert_id: str) -> None:
    """Remove an alert on usage."""
    usage_alerts.remove(usage_alert_id, now())
