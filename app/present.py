"""The present, at the edges: of a customer on a test clock it is what that clock shows."""

from datetime import datetime

from app import clock
from app.queries.test_clocks import present_of


def present(subject_id: str) -> datetime:
    """What time it is now (UTC) for the customer whom the row with this id is about."""
    return present_of(subject_id, clock.now())
