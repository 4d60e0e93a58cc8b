"""What a failed call says, whichever library made it: whether it surely never left (what decides between
GatewayUnavailable and OutcomeUnknown), and how long the gateway wants to be left alone."""

import ssl
from collections.abc import Iterator, Mapping

import requests
import urllib3.exceptions

# Raised before the first byte of a request is written. Whatever comes later may have been executed.
_NEVER_SENT = (
    requests.ConnectTimeout,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    ssl.SSLCertVerificationError,
)


def never_sent(error: BaseException) -> bool:
    """Whether a failed call over `requests` (or an SDK on top of it) ended before anything was sent."""
    return any(isinstance(cause, _NEVER_SENT) for cause in _causes(error))


def wait_of(headers: Mapping[str, str] | None) -> int | None:
    """The seconds in a `Retry-After` header, by whatever case it is written in; None where there are none."""
    wait = {name.lower(): value for name, value in (headers or {}).items()}.get("retry-after", "")
    return int(wait) if wait.isdecimal() else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was raised from or around.

    Not its `__context__`: in the middle of handling another gateway's outage, that outage would be found there.
    """
    while error:
        yield error
        around = error.args[0] if error.args else None
        error = error.__cause__ or (around if isinstance(around, BaseException) else None)
