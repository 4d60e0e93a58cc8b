"""Gapless numbers, a counter a name and tenant."""

from sqlalchemy import text

from app.db import current_tenant_id, session
from app.ids import to_uuid

_TAKE = text("""
INSERT INTO number_sequences AS s (tenant_id, name, last) VALUES (:tenant, :name, :count)
ON CONFLICT (tenant_id, name) DO UPDATE SET last = s.last + excluded.last RETURNING last
""")


def take(name: str, count: int = 1) -> int:
    """The first of the next `count` numbers. Others wait for our commit; a rollback gives the numbers back."""
    given = {"tenant": to_uuid("ten", current_tenant_id()), "name": name, "count": count}
    last: int = session().execute(_TAKE, given).scalar_one()
    return last - count + 1
