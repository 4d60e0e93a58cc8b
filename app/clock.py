"""The wall clock. Only the edges ask it; everything below takes `at`."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)
