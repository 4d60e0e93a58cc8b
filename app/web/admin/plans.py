"""Plans: prices with a rhythm. Another price is another version, and whoever has the old one keeps it."""

from typing import Any

from flask import Blueprint, Response, request, url_for

from app import clock
from app.db import current_tenant_id, session, transaction
from app.domain.errors import Conflict
from app.models import Plan, Product, Tenant
from app.permissions import Permission
from app.queries import lists, timeline
from app.queries.base import get
from app.queries.catalog import subscriber_counts, versions_of
from app.services import catalog
from app.web.admin import activity, listing
from app.web.admin.dialogs import confirm
from app.web.admin.forms.plans import PlanForm
from app.web.admin.price_tables import tables_of, tables_of_plan
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render

pages = Blueprint("plans", __name__, url_prefix="/plans")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All plans that are sold, and on request older versions and archived ones."""
    filters = listing.asked("q", "product", "currency", "interval", "archived")
    listed = lists.plans(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    counts = subscriber_counts([row.id for row in listed.items])
    return listing.show_list("admin/plans/list.html", listed, ("plan", "plans"), subscribers=counts)


@pages.get("/new")
@requires(Permission.SELL)
def new() -> Response:
    """The form for a new plan of a product."""
    product = get(Product, request.args.get("product", ""))
    currency = session().get_one(Tenant, current_tenant_id()).currency
    return _form(PlanForm(data={"product": product.id, "currency": currency}), product)


@pages.post("/")
@requires(Permission.SELL)
@once
def create() -> Response:
    """Add a plan."""
    form, product = _new()
    if form.carry_out(lambda: _create(product, form.values())):
        return done(url_for(".show", plan_id=form.result), f"{form.name.data} can be sold now.")
    return _form(form, product)


@pages.post("/shape")
@requires(Permission.SELL)
def reshape_new() -> Response:
    """The form of a new plan with another charge or tier, or with the fields of another model."""
    form, product = _new()
    return _reshaped(form, product)


@pages.post("/prices")
@requires(Permission.SELL)
def prices() -> Response:
    """The table of what the form's prices come to, as it is filled in so far."""
    form, product = _new()
    return _form(form, product, fragment="admin/plans/_prices.html")


@pages.get("/<plan_id>")
@requires(Permission.VIEW)
def show(plan_id: str) -> Response:
    """A plan: its price, its versions, who is on it."""
    row = get(Plan, plan_id)
    versions = versions_of(row)
    return render(
        "admin/plans/detail.html",
        plan=row,
        versions=versions,
        subscribers=subscriber_counts([version.id for version in versions]),
        subscriptions=lists.subscriptions({"plan": plan_id}, limit=10),
        price_tables=tables_of_plan(row),
        timeline=activity.told(timeline.of_subjects([row.id], limit=20), on_page_of=row.id),
    )


@pages.get("/<plan_id>/edit")
@requires(Permission.SELL)
def edit(plan_id: str) -> Response:
    """The form to change a plan."""
    row = _newest(plan_id)
    return _form(PlanForm.of(row), row.product, row)


@pages.post("/<plan_id>")
@requires(Permission.SELL)
@once
def update(plan_id: str) -> Response:
    """Change a plan; with another price or rhythm, make a new version."""
    row = _newest(plan_id)
    form = PlanForm.of(row)
    if form.carry_out(lambda: _update(plan_id, form.values())):
        words = "The changes were saved." if form.result == plan_id else "A new version is sold from now on."
        return done(url_for(".show", plan_id=form.result), words)
    return _form(form, row.product, row)


@pages.post("/<plan_id>/shape")
@requires(Permission.SELL)
def reshape(plan_id: str) -> Response:
    """The form of a plan with another charge or tier, or with the fields of another model."""
    row = _newest(plan_id)
    return _reshaped(PlanForm.of(row), row.product, row)


@pages.post("/<plan_id>/prices")
@requires(Permission.SELL)
def changed_prices(plan_id: str) -> Response:
    """The table of what the form's prices come to, as it is filled in so far."""
    row = _newest(plan_id)
    return _form(PlanForm.of(row), row.product, row, fragment="admin/plans/_prices.html")


@pages.get("/<plan_id>/archiving")
@requires(Permission.SELL)
def ask_to_archive(plan_id: str) -> Response:
    """Ask before a plan is sold no more."""
    row = get(Plan, plan_id)
    return confirm(
        f"Archive {row.name}?",
        "It is not sold any more. Subscriptions on it go on at its price.",
        url_for(".archive", plan_id=plan_id),
        "Archive",
        url_for(".show", plan_id=plan_id),
    )


@pages.post("/<plan_id>/archiving")
@requires(Permission.SELL)
def archive(plan_id: str) -> Response:
    """Sell a plan no more."""
    with transaction():
        catalog.archive_plan(plan_id, clock.now())
    return done(url_for(".show", plan_id=plan_id), "The plan was archived.")


def _newest(plan_id: str) -> Plan:
    """The plan, if it is one that can be changed: older versions and archived ones are history."""
    row = get(Plan, plan_id)
    if row.archived_at:
        raise Conflict("This version is not sold any more: change the newest one.", code="plan_archived")
    return row


def _create(product: Product, values: dict[str, Any]) -> str:
    """A code that is taken would make a new version of another plan by accident."""
    if lists.plans({"code": values["code"], "archived": "yes"}, limit=1).items:
        raise Conflict(f"There is a plan “{values['code']}” already.", code="code_taken", field="code")
    with transaction():
        return catalog.create_plan({**values, "product_id": product.id}, clock.now()).id


def _update(plan_id: str, values: dict[str, Any]) -> str:
    with transaction():
        return catalog.update_plan(plan_id, values, clock.now()).id


def _new() -> tuple[PlanForm, Product]:
    """The form of a new plan as it was sent, and its product."""
    form = PlanForm()
    return form, get(Product, form.product.data or "")


def _reshaped(form: PlanForm, product: Product, row: Plan | None = None) -> Response:
    form.reshape(request.form.get("change", ""))
    return _form(form, product, row)


def _form(form: PlanForm, product: Product, row: Plan | None = None, fragment: str | None = None) -> Response:
    form.reshape("")
    currency = row.currency if row else form.currency.data
    return render(
        "admin/plans/form.html",
        status=200 if fragment else form.status,
        fragment=fragment,
        form=form,
        product=product,
        plan=row,
        price_tables=tables_of(form, currency),
        unit=currency,
    )
