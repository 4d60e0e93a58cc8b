"""What customers have in their favour: moved by the books alone, spent on their next invoices.

Whatever the journal posts to `customer_balance` moves the customer's column and leaves a row, in the same transaction
(see ledger.post_all), so that the three always say the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm.util import identity_key
from uuid_utils.compat import uuid7

from app.db import current_tenant_id, session
from app.domain.ledger import Entry
from app.ids import to_uuid
from app.models import BalanceMove, Customer
from app.services.bulk import Statement, change, together

ACCOUNT = "customer_balance"


class Change(NamedTuple):
    """An amount in the customer's favour, in minor units of their currency, and the fact of the books behind it."""

    customer_id: str
    fact: str
    source_id: str
    minor: int


def changes_in(customer_id: str | None, source_id: str, entry: Entry) -> Iterator[Change]:
    """What a journal entry does to its customer's balance: the account is a liability, so a credit raises it."""
    for side in entry.postings:
        if side.account == ACCOUNT and customer_id:
            yield Change(customer_id, entry.fact, source_id, -side.amount.minor)


def move(changes: Sequence[Change], at: datetime) -> None:
    """Move balances and write down each move, with one statement."""
    if not changes:
        return
    session().flush()
    tenant = to_uuid("ten", current_tenant_id())
    customer_ids = [to_uuid("cus", one.customer_id) for one in changes]
    amounts = [one.minor for one in changes]
    facts, sources = [one.fact for one in changes], [one.source_id for one in changes]
    columns = [[uuid7() for _ in changes], customer_ids, facts, sources, amounts]
    with together():
        change(Customer, Statement(_MOVE, [customer_ids, amounts, tenant]), name="moved")
        change(BalanceMove, Statement(_NOTE, [tenant, at, at, *columns]), name="noted")
    _forget_loaded({one.customer_id for one in changes})


def of(customer_id: str) -> int:
    """A customer's balance in minor units, locked until commit so that nobody else spends it."""
    query = select(Customer.balance_minor).where(Customer.id == customer_id).with_for_update(key_share=True)
    return session().execute(query).scalar_one()


def spend(invoices: Sequence[tuple[str, int]], balances: Mapping[str, int]) -> list[int]:
    """What each invoice, given as (customer id, total in minor units), takes from its customer's balance, in turn.

    Up to its total. An invoice below zero gives what it is short of to the balance, and a balance below zero is a debt
    that goes onto the next invoice whole: of 10.00, invoices of 7.00 and 5.00 take 7.00 and 3.00. Customers without
    one in `balances` have nothing.
    """
    left = dict(balances)
    taken = []
    for customer_id, total in invoices:
        taken.append(min(left.get(customer_id, 0), total))
        left[customer_id] = left.get(customer_id, 0) - taken[-1]
    return taken


def _forget_loaded(customer_ids: set[str]) -> None:
    """Customers that the session has loaded read their balance anew."""
    for customer_id in customer_ids:
        loaded = session().identity_map.get(identity_key(Customer, (current_tenant_id(), customer_id)))
        if loaded is not None:
            session().expire(loaded, ["balance_minor"])


_MOVE = """
UPDATE customers c SET balance_minor = c.balance_minor + s.amount
  FROM (SELECT customer_id, sum(amount)::bigint AS amount
          FROM unnest(%b::uuid[], %b::bigint[]) AS g (customer_id, amount) GROUP BY customer_id) s
 WHERE c.tenant_id = %b AND c.id = s.customer_id RETURNING c.id, c.currency, c.balance_minor
"""
# A row's running balance is the new balance less the moves of the same statement that come after it.
_NOTE = """
INSERT INTO balance_moves
  (tenant_id, created_at, at, id, customer_id, fact, source_id, currency, amount_minor, balance_minor)
SELECT %b::uuid, %b::timestamptz, %b::timestamptz, g.id, g.customer_id, g.fact, g.source_id, m.currency, g.amount,
       m.balance_minor - coalesce(sum(g.amount) OVER later, 0)
  FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::bigint[])
    WITH ORDINALITY AS g (id, customer_id, fact, source_id, amount, position)
  JOIN moved m ON m.id = g.customer_id
  WINDOW later AS (PARTITION BY g.customer_id ORDER BY g.position ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
  ORDER BY g.position
"""
