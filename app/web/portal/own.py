"""Whose pages these are: the customer's whom the signed-in person belongs to."""

from typing import Any, Protocol, TypeVar, cast

from app.db import current_tenant_id, session
from app.domain.errors import NotFound, NotPermitted
from app.models import Customer, Tenant
from app.models.base import TenantRow
from app.queries.base import get, noun_of
from app.web.auth_guard import person


class Owned(Protocol):
    """A row that belongs to a customer."""

    customer_id: Any


Row = TypeVar("Row", bound=TenantRow)


def own_id() -> str:
    """The id of the customer whose portal this is. Raises NotFound for a person who belongs to none."""
    customer_id = person().customer_id
    if customer_id is None:
        raise NotFound("You belong to no customer.", field="customer")
    return customer_id


def own_customer() -> Customer:
    """The customer whose portal this is."""
    return get(Customer, own_id())


def lets(switch: str) -> bool:
    """Whether the seller lets customers do something, by one of `tenant_settings.SWITCHES`."""
    return bool(session().get_one(Tenant, current_tenant_id()).setting(switch))


def refuse_unless(switch: str) -> None:
    """Raises NotPermitted where the seller does not let customers do it."""
    if not lets(switch):
        raise NotPermitted("This cannot be done here: ask the seller to do it for you.")


def own(model: type[Row], row_id: str) -> Row:
    """That row of theirs. Raises NotFound for another customer's, in the words for one that does not exist."""
    row = get(model, row_id)
    if cast(Owned, row).customer_id != own_id():
        raise NotFound(f"There is no {noun_of(model)} {row_id}.", field="id")
    return row
