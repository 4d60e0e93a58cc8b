"""Products: what is sold. Their plans give them prices."""

from typing import Any

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.models import Product
from app.permissions import Permission
from app.queries import lists, timeline
from app.queries.base import get
from app.queries.catalog import plan_counts, subscriber_counts
from app.services import catalog
from app.web.admin import activity, listing
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.catalog import ProductChangesForm, ProductForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render

pages = Blueprint("products", __name__, url_prefix="/products")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All products that are sold, and on request those that were."""
    listed = lists.products(listing.asked("q", "archived"), cursor=listing.cursor(), limit=listing.LIMIT)
    counts = plan_counts([row.id for row in listed.items])
    return listing.show_list("admin/products/list.html", listed, ("product", "products"), plans=counts)


@pages.get("/new")
@requires(Permission.SELL)
def new() -> Response:
    """The form for a new product."""
    return _form(ProductForm())


@pages.post("/")
@requires(Permission.SELL)
@once
def create() -> Response:
    """Add a product."""
    form = ProductForm()
    if form.carry_out(lambda: _create(form.values())):
        return done(url_for(".show", product_id=form.result), f"{form.name.data} was added. Now give it a plan.")
    return _form(form)


@pages.get("/<product_id>")
@requires(Permission.VIEW)
def show(product_id: str) -> Response:
    """A product with all versions of its plans, and who is on which."""
    row = get(Product, product_id)
    plans = lists.plans({"product": product_id, "archived": "yes"}, limit=listing.LIMIT).items
    return render(
        "admin/products/detail.html",
        product=row,
        plans=sorted(plans, key=lambda plan: (plan.code, -plan.version)),
        subscribers=subscriber_counts([plan.id for plan in plans]),
        timeline=activity.told(timeline.of_subjects([row.id], limit=20), on_page_of=row.id),
    )


@pages.get("/<product_id>/edit")
@requires(Permission.SELL)
def edit(product_id: str) -> Response:
    """The form to change a product."""
    row = get(Product, product_id)
    return _form(ProductChangesForm(obj=row), row)


@pages.post("/<product_id>")
@requires(Permission.SELL)
def update(product_id: str) -> Response:
    """Change a product."""
    row = get(Product, product_id)
    form = ProductChangesForm()
    if form.carry_out(lambda: _update(product_id, form.values())):
        return done(url_for(".show", product_id=product_id), "The changes were saved.")
    return _form(form, row)


@pages.get("/<product_id>/archiving")
@requires(Permission.SELL)
def ask_to_archive(product_id: str) -> Response:
    """Ask before a product is sold no more."""
    row = get(Product, product_id)
    return confirm(
        f"Archive {row.name}?",
        "Its plans are not sold any more either. Subscriptions that run go on as they are.",
        url_for(".archive", product_id=product_id),
        "Archive",
        url_for(".show", product_id=product_id),
    )


@pages.post("/<product_id>/archiving")
@requires(Permission.SELL)
def archive(product_id: str) -> Response:
    """Sell a product no more."""
    with transaction():
        catalog.archive_product(product_id, clock.now())
    return done(url_for(".show", product_id=product_id), "The product was archived.")


def _create(values: dict[str, Any]) -> str:
    with transaction():
        return catalog.create_product(values, clock.now()).id


def _update(product_id: str, values: dict[str, Any]) -> None:
    with transaction():
        catalog.update_product(product_id, values, clock.now())


def _form(form: ProductForm, row: Product | None = None) -> Response:
    back = (row.name, url_for(".show", product_id=row.id)) if row else ("Products", url_for(".index"))
    title = f"Edit {row.name}" if row else "New product"
    return dialog("admin/products/_form.html", title, back, form=form, product=row)
