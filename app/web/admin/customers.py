"""Customers: finding, adding, changing and forgetting them, and all that is theirs."""

from typing import Any

from flask import Blueprint, Response, request, url_for

from app import clock
from app.db import current_tenant_id, session, transaction
from app.domain.errors import NotFound
from app.models import Customer, Tenant
from app.permissions import Permission
from app.present import present
from app.queries import disputes, dues, fraud, lists, timeline
from app.queries.base import get
from app.queries.test_clocks import clock_of
from app.services import customers
from app.web.admin import activity, listing
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.customers import CustomerForm
from app.web.admin.reminders import standings_of
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render, wants_fragment

pages = Blueprint("customers", __name__, url_prefix="/customers")

PREVIEW = 5  # rows of each kind on the first tab
CHOICE = 8
# What a customer can be chosen for: words, and the form that comes next.
PURPOSES = {
    "sale": ("Sell a plan to whom?", "admin.sales.new"),
    "invoice": ("Whom is the invoice for?", "admin.one_off.new"),
}


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All customers, with what they owe."""
    filters = {**listing.asked("q", "country", "currency"), **listing.asked_days()}
    listed = lists.customers(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    owing = dues.dues_of(listed.items, clock.now())
    return listing.show_list("admin/customers/list.html", listed, ("customer", "customers"), dues=owing)


@pages.get("/new")
@requires(Permission.SELL)
def new() -> Response:
    """The form for a new customer, filled with what is usual in this workspace."""
    tenant = session().get_one(Tenant, current_tenant_id())
    usual = {
        "currency": tenant.currency,
        "timezone": tenant.timezone,
        "locale": tenant.locale,
        "country": tenant.address.get("country"),
        "test_clock_id": request.args.get("clock"),
    }
    return _form(CustomerForm(data=usual))


@pages.get("/choice/<purpose>")
@requires(Permission.SELL)
def choose(purpose: str) -> Response:
    """Which customer, before a form that is about one."""
    if purpose not in PURPOSES:
        raise NotFound(f"There is nothing to choose a customer for called {purpose}.")
    title, endpoint = PURPOSES[purpose]
    found = lists.customers(listing.asked("q"), limit=CHOICE)
    typing = wants_fragment() and "q" in request.args
    part = "admin/customers/_found.html" if typing else "admin/customers/_choice.html"
    back = ("Customers", url_for(".index"))
    return dialog(part, title, back, purpose=purpose, endpoint=endpoint, rows=found.items, more=found.next_cursor)


@pages.post("/")
@requires(Permission.SELL)
@once
def create() -> Response:
    """Add a customer."""
    form = CustomerForm()
    if form.carry_out(lambda: _create(form.values())):
        return done(url_for(".show", customer_id=form.result), f"{form.name.data} was added.")
    return _form(form)


@pages.get("/<customer_id>")
@requires(Permission.VIEW)
def show(customer_id: str) -> Response:
    """The first tab: who it is, and the latest of everything."""
    row = get(Customer, customer_id)
    theirs = {"customer": customer_id}
    return _tab(
        row,
        "overview",
        subscriptions=lists.subscriptions(theirs, limit=PREVIEW).items,
        invoices=lists.invoices(theirs, limit=PREVIEW).items,
        disputes=disputes.disputes(theirs, limit=PREVIEW).items,
        standings=standings_of(row.id),
        methods=lists.payment_methods(theirs).items,
        same_cards=fraud.others_with(row.id),
        people=lists.users(theirs).items,
        timeline=activity.told(timeline.of_customer(row.id, limit=8), on_page_of=row.id),
    )


@pages.get("/<customer_id>/subscriptions")
@requires(Permission.VIEW)
def subscriptions(customer_id: str) -> Response:
    """Their subscriptions."""
    row = get(Customer, customer_id)
    listed = lists.subscriptions({"customer": customer_id}, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list(
        "admin/customers/subscriptions.html", listed, SUBSCRIPTIONS, **header(row, "subscriptions")
    )


@pages.get("/<customer_id>/invoices")
@requires(Permission.VIEW)
def invoices(customer_id: str) -> Response:
    """Their invoices."""
    row = get(Customer, customer_id)
    listed = lists.invoices({"customer": customer_id}, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/customers/invoices.html", listed, INVOICES, **header(row, "invoices"))


@pages.get("/<customer_id>/payments")
@requires(Permission.VIEW)
def payments(customer_id: str) -> Response:
    """Their payments."""
    row = get(Customer, customer_id)
    listed = lists.payments({"customer": customer_id}, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/customers/payments.html", listed, PAYMENTS, **header(row, "payments"))


@pages.get("/<customer_id>/activity")
@requires(Permission.VIEW)
def history(customer_id: str) -> Response:
    """All that happened, newest first."""
    row = get(Customer, customer_id)
    moments = timeline.of_customer(row.id, limit=200)
    return _tab(row, "activity", timeline=activity.told(moments, on_page_of=row.id))


@pages.get("/<customer_id>/edit")
@requires(Permission.SELL)
def edit(customer_id: str) -> Response:
    """The form to change a customer."""
    row = get(Customer, customer_id)
    return _form(CustomerForm.of(row), row)


@pages.post("/<customer_id>")
@requires(Permission.SELL)
def update(customer_id: str) -> Response:
    """Change a customer."""
    row = get(Customer, customer_id)
    form = CustomerForm.of(row)
    values = form.values(row)
    if form.carry_out(lambda: _update(customer_id, values)):
        return done(url_for(".show", customer_id=customer_id), "The changes were saved.")
    return _form(form, row)


@pages.get("/<customer_id>/forgetting")
@requires(Permission.SELL)
def ask_to_forget(customer_id: str) -> Response:
    """Ask before a customer is made anonymous."""
    row = get(Customer, customer_id)
    return confirm(
        f"Forget {row.name}?",
        "Name, address, tax numbers and notes are erased, and cannot be brought back. Invoices that were issued stay"
        " as the law asks, and the books keep their sums.",
        url_for(".forget", customer_id=customer_id),
        "Forget for good",
        url_for(".show", customer_id=customer_id),
    )


@pages.post("/<customer_id>/forgetting")
@requires(Permission.SELL)
def forget(customer_id: str) -> Response:
    """Make a customer anonymous."""
    with transaction():
        customers.forget(customer_id, present(customer_id))
    return done(url_for(".index"), "The customer was forgotten.")


SUBSCRIPTIONS = ("subscription", "subscriptions")
INVOICES = ("invoice", "invoices")
PAYMENTS = ("payment", "payments")


def _create(values: dict[str, Any]) -> str:
    with transaction():
        return customers.create(values, clock.now()).id


def _update(customer_id: str, values: dict[str, Any]) -> None:
    with transaction():
        customers.update(customer_id, values, present(customer_id))


def _form(form: CustomerForm, row: Customer | None = None) -> Response:
    return render("admin/customers/form.html", status=form.status, form=form, customer=row)


def _tab(row: Customer, tab: str, **context: Any) -> Response:
    return render(f"admin/customers/{tab}.html", **header(row, tab), **context)


def header(row: Customer, tab: str) -> dict[str, Any]:
    """What stands above every tab."""
    standing = dues.dues_of([row], present(row.id))[row.id]
    return {"customer": row, "tab": tab, "standing": standing, "credit": dues.credit_of(row), "clock": clock_of(row.id)}
