"""What only the edge refuses: who is asking, how often, and in what shape."""

from collections.abc import Sequence

from app.domain.errors import BillingError, FieldError, InvalidInput


class Unauthenticated(BillingError):
    """Nobody we know: no key, an unknown one, or one that has ended."""

    default_code = "unauthenticated"


class Malformed(BillingError):
    """A body that cannot be read at all."""

    default_code = "malformed"


class UnsupportedMedia(BillingError):
    """A body in another format than JSON."""

    default_code = "unsupported_media_type"


class TooManyRequests(BillingError):
    """More than the key may ask for; there is room again after `retry_after` seconds."""

    default_code = "rate_limited"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InvalidFields(InvalidInput):
    """Several fields at once. The code is the one they share, or `invalid`."""

    def __init__(self, faults: Sequence[tuple[str, FieldError]]) -> None:
        codes = {code for code, _ in faults}
        errors = tuple(error for _, error in faults)
        super().__init__(_sentence(errors), code=codes.pop() if len(codes) == 1 else None)
        self._errors = errors

    @property
    def errors(self) -> Sequence[FieldError]:
        return self._errors


def _sentence(errors: Sequence[FieldError]) -> str:
    first = f"{errors[0].field}: {errors[0].message}"
    others = len(errors) - 1
    return f"{first} ({others} more in errors)" if others else first
