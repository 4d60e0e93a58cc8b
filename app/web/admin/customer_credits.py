"""What a customer has in their favour: the balance and how it came about, coupons, and what waits to be invoiced."""

from flask import Blueprint, Response, url_for

from app.db import transaction
from app.models import Customer, InvoiceItem
from app.permissions import Permission
from app.present import present
from app.queries import balances as moves
from app.queries import lists, sale_lists
from app.queries.base import get
from app.services import balances, invoice_items
from app.services.contracts import ENDED
from app.web.admin import listing
from app.web.admin.customers import header
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.credits import AdjustmentForm, ItemForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render, url_with

pages = Blueprint("customer_credits", __name__, url_prefix="/customers")


@pages.get("/<customer_id>/credit")
@requires(Permission.VIEW)
def show(customer_id: str) -> Response:
    """The tab of a customer's credit."""
    row = get(Customer, customer_id)
    found = moves.moves_of(row.id, cursor=listing.cursor(), limit=listing.LIMIT)
    theirs = {"customer": row.id}
    return render(
        "admin/customers/credit.html",
        **header(row, "credit"),
        moves=found.items,
        next_url=url_with(cursor=found.next_cursor) if found.next_cursor else None,
        redemptions=sale_lists.redemptions(theirs).items,
        items=sale_lists.invoice_items({**theirs, "waiting": "yes"}).items,
        notes=sale_lists.credit_notes(theirs).items,
    )


@pages.get("/<customer_id>/balance/adjustment")
@requires(Permission.COLLECT)
def ask_to_adjust(customer_id: str) -> Response:
    """The form to give credit, or to take it back."""
    return _adjustment(AdjustmentForm(), get(Customer, customer_id))


@pages.post("/<customer_id>/balance/adjustment")
@requires(Permission.COLLECT)
@once
def adjust(customer_id: str) -> Response:
    """Give credit, or take it back."""
    row = get(Customer, customer_id)
    form, currency = AdjustmentForm(), row.currency
    if form.carry_out(lambda: _adjust(form, customer_id, currency)):
        return done(url_for(".show", customer_id=customer_id), "The balance was changed.")
    return _adjustment(form, row)


@pages.get("/<customer_id>/items/new")
@requires(Permission.SELL)
def new_item(customer_id: str) -> Response:
    """The form for a charge that waits for the next invoice."""
    return _item(ItemForm(), get(Customer, customer_id))


@pages.post("/<customer_id>/items")
@requires(Permission.SELL)
@once
def add_item(customer_id: str) -> Response:
    """Note a charge for the next invoice."""
    row = get(Customer, customer_id)
    form = ItemForm()
    _offer(form, row)
    if form.carry_out(lambda: _add_item(form, customer_id)):
        return done(url_for(".show", customer_id=customer_id), "It stands on the next invoice.")
    return _item(form, row)


@pages.get("/items/<item_id>/removal")
@requires(Permission.SELL)
def ask_to_remove_item(item_id: str) -> Response:
    """Ask before a charge is taken back."""
    row = get(InvoiceItem, item_id)
    return confirm(
        f"Remove {row.description}?",
        f"{row.customer.name} is not invoiced for it.",
        url_for(".remove_item", item_id=item_id),
        "Remove",
        url_for(".show", customer_id=row.customer_id),
    )


@pages.post("/items/<item_id>/removal")
@requires(Permission.SELL)
def remove_item(item_id: str) -> Response:
    """Take a charge back that still waits."""
    customer_id = get(InvoiceItem, item_id).customer_id
    with transaction():
        invoice_items.remove(item_id, present(item_id))
    return done(url_for(".show", customer_id=customer_id), "It is not invoiced.")


def _adjust(form: AdjustmentForm, customer_id: str, currency: str) -> None:
    with transaction():
        balances.add(customer_id, form.money(currency), present(customer_id), reason=form.reason.data)


def _add_item(form: ItemForm, customer_id: str) -> None:
    with transaction():
        invoice_items.add(customer_id, form.one_off(), present(customer_id), subscription_id=form.subscription.data)


def _offer(form: ItemForm, row: Customer) -> None:
    form.offer([one for one in lists.subscriptions({"customer": row.id}).items if one.status not in ENDED])


def _adjustment(form: AdjustmentForm, row: Customer) -> Response:
    back = (row.name, url_for(".show", customer_id=row.id))
    return dialog("admin/customers/_adjustment.html", "Change the balance", back, form=form, customer=row)


def _item(form: ItemForm, row: Customer) -> Response:
    _offer(form, row)
    back = (row.name, url_for(".show", customer_id=row.id))
    return dialog("admin/customers/_item.html", "Charge with the next invoice", back, form=form, customer=row)
