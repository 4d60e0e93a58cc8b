"""Refusals that a person can act on. Each has a stable `code`, a sentence, and the field it is about, if any."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one input field."""

    field: str
    message: str


class BillingError(Exception):
    """Base of every refusal. Edges turn it into a problem document or a message on the page."""

    default_code = "refused"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.field = field

    @property
    def errors(self) -> Sequence[FieldError]:
        """The fields that are wrong; empty when the refusal is not about a field."""
        return (FieldError(self.field, self.message),) if self.field else ()


class InvalidInput(BillingError):
    """A value that can never be accepted: wrong type, range, currency, reference."""

    default_code = "invalid"


class NotFound(BillingError):
    """Nothing with that id in this tenant."""

    default_code = "not_found"


class Conflict(BillingError):
    """A sound request that the present state forbids."""

    default_code = "conflict"


class IllegalTransition(Conflict):
    """A status change that the lifecycle table does not have."""

    default_code = "illegal_transition"


class NotPermitted(BillingError):
    """The caller is known but may not do this."""

    default_code = "forbidden"
