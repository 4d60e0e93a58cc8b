"""The quote that somebody looked at before they agreed to it, as their form sends it back."""

from datetime import datetime, timedelta

from app.domain.errors import Conflict

# Long enough to think it over; after that the page has to be looked at again.
HOLDS = timedelta(hours=1)


def looked_at(at: str | None, fingerprint: str | None, now: datetime) -> tuple[datetime, str]:
    """The instant and the fingerprint of the quote. Raises Conflict when there is none, or it is too old."""
    try:
        as_of = datetime.fromisoformat(at or "")
        is_fresh = now - HOLDS <= as_of <= now
    except (ValueError, TypeError):
        is_fresh = False
    if not (fingerprint and is_fresh):
        raise Conflict("Look at what it costs first: here it is.", code="price_not_seen")
    return as_of, fingerprint
