"""Usage events."""

from http import HTTPStatus

from app.api.blueprint import v1
from app.api.operations import reads, writes
from app.api.schemas.base import Page, page_of
from app.api.schemas.usage import NewUsageEvents, RecordedUsage, UsageEvent, UsageListing
from app.clock import now
from app.permissions import Permission
from app.queries import usage_lists
from app.services import usage_events


@v1.post("/usage-events")
@writes(RecordedUsage, Permission.SELL, HTTPStatus.CREATED)
def record_usage(json: NewUsageEvents) -> RecordedUsage:
    """Take usage events in: one, or up to 1000 at once.

    An event that comes again under its `transaction_id` is counted as a duplicate and changes nothing, with or without
    an `Idempotency-Key`; another event under the same id is a 409. If one event cannot be taken, none is.
    """
    recorded = usage_events.record(json.taken, now(), json.path)
    return RecordedUsage(taken=recorded.taken, duplicates=recorded.duplicates)


@v1.get("/usage-events")
@reads(Page[UsageEvent])
def list_usage(query: UsageListing) -> Page[UsageEvent]:
    """List usage events."""
    return page_of(usage_lists.events(query.filters, cursor=query.cursor, limit=query.limit), UsageEvent.of)
