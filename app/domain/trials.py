"""Trials: free days before the first paid period, counted on the customer's calendar."""

from datetime import datetime

from app.domain.errors import InvalidInput
from app.domain.zones import add_days, instant

MAX_TRIAL_DAYS = 3660


def trial_end(start: datetime, days: int, timezone: str) -> datetime:
    """The instant at which a trial ends and the first paid period starts; `start` itself without a trial.

    Days are calendar days in the customer's zone: 14 days from 1 March 17:00 in Toronto end on 15 March 17:00 there,
    although the clocks were set forward between. Raises InvalidInput (`invalid_trial_days`) outside 0 to 3660.
    """
    if type(days) is not int or not 0 <= days <= MAX_TRIAL_DAYS:
        raise InvalidInput(
            f"trial_days must be a whole number from 0 to {MAX_TRIAL_DAYS}, not {days}.",
            code="invalid_trial_days",
            field="trial_days",
        )
    begin = instant(start, "start_at")
    return add_days(begin, days, timezone) if days else begin
