"""Refusals of the domain in the words of the request that was refused."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from app.domain.errors import BillingError, InvalidInput


@contextmanager
def named(fields: Mapping[str, str], whole: str | None = None) -> Iterator[None]:
    """Refusals inside the block name the request's field, told from the one that the domain names.

    One whose field is not listed keeps it, so blocks can be nested; one about no field is about the `whole`. This is
    for requests that say everything themselves: what the domain calls a conflict is then a contradiction inside the
    request, so all become InvalidInput. Example: `named({"at": "changes.0.at"}, "changes.0")`.
    """
    try:
        yield
    except BillingError as refusal:
        field = fields.get(refusal.field, refusal.field) if refusal.field else whole
        raise InvalidInput(refusal.message, code=refusal.code, field=field) from None
