"""What a gateway call can end in besides an answer. A decline is an answer, not an exception."""

from app.domain.declines import Decline


class GatewayError(Exception):
    """Base of all of them. The message is for staff and logs; it never holds a secret."""


class GatewayUnavailable(GatewayError):
    """Surely not executed (no connection, refused before processing): may be sent again with the same key."""


class OutcomeUnknown(GatewayError):
    """No answer after the request may have arrived: ask by our key, never send blindly again."""


class GatewayRefused(GatewayError):
    """Our request or credentials are wrong; sending it again changes nothing. Surely not executed."""


class MethodRefused(GatewayRefused):
    """The payer's bank will not have this method kept. `decline` says why, in words for the payer."""

    def __init__(self, decline: Decline) -> None:
        super().__init__(decline.message)
        self.decline = decline


class RateLimited(GatewayUnavailable):
    """Too many requests; surely not executed. `retry_after` is in seconds, if the gateway says."""

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unsupported(GatewayError):
    """The gateway cannot do this; its capabilities say so."""


class InvalidSignature(GatewayError):
    """A webhook that the gateway did not sign, or signed too long ago."""
