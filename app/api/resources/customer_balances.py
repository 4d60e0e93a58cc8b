"""The balance of a customer."""

from app import models
from app.api.blueprint import v1
from app.api.operations import reads, writes
from app.api.schemas.base import Listing, Page, page_of
from app.api.schemas.customer_balances import BalanceAdjustment, BalanceMove, CustomerBalance
from app.domain.errors import InvalidInput
from app.domain.money import Money
from app.permissions import Permission
from app.present import present
from app.queries import balances as moves
from app.queries.base import get
from app.services import balances


@v1.get("/customers/<customer_id>/balance")
@reads(CustomerBalance)
def show_balance(customer_id: str) -> CustomerBalance:
    """Show what a customer has in their favour."""
    return CustomerBalance.of(get(models.Customer, customer_id))


@v1.get("/customers/<customer_id>/balance/moves")
@reads(Page[BalanceMove])
def list_balance_moves(customer_id: str, query: Listing) -> Page[BalanceMove]:
    """List how the balance of a customer came about, the last move first."""
    row = get(models.Customer, customer_id)
    return page_of(moves.moves_of(row.id, cursor=query.cursor, limit=query.limit), BalanceMove.of)


@v1.post("/customers/<customer_id>/balance")
@writes(CustomerBalance, Permission.COLLECT)
def adjust_balance(customer_id: str, json: BalanceAdjustment) -> CustomerBalance:
    """Give a customer credit that no invoice stands behind, or take some of it back."""
    customer = get(models.Customer, customer_id)
    if json.currency not in (None, customer.currency):
        raise InvalidInput(
            f"This customer is billed in {customer.currency}.", code="currency_mismatch", field="currency"
        )
    amount = Money.parse(json.amount, customer.currency)
    return CustomerBalance.of(balances.add(customer.id, amount, present(customer.id), reason=json.reason))
