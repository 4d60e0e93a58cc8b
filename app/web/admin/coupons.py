"""Coupons: what they take off, who can redeem them, and who did."""

from typing import Any

from flask import Blueprint, Response, url_for

from app import clock
from app.db import current_tenant_id, session, transaction
from app.models import Coupon, Tenant
from app.permissions import Permission
from app.queries import sale_lists, timeline
from app.queries.base import get
from app.services import coupons
from app.web.admin import activity, listing
from app.web.admin.dialogs import confirm
from app.web.admin.forms.coupons import CouponChangesForm, CouponForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render

pages = Blueprint("coupons", __name__, url_prefix="/coupons")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All coupons that are given out, and on request archived ones."""
    listed = sale_lists.coupons(listing.asked("q", "archived"), cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/coupons/list.html", listed, ("coupon", "coupons"), at=clock.now())


@pages.get("/new")
@requires(Permission.SELL)
def new() -> Response:
    """The form for a new coupon."""
    return _form(CouponForm(data={"currency": session().get_one(Tenant, current_tenant_id()).currency}))


@pages.post("/")
@requires(Permission.SELL)
@once
def create() -> Response:
    """Add a coupon."""
    form = CouponForm()
    if form.carry_out(lambda: _create(form.values)):
        return done(url_for(".show", coupon_id=form.result), f"{form.code.data} can be redeemed now.")
    return _form(form)


@pages.get("/<coupon_id>")
@requires(Permission.VIEW)
def show(coupon_id: str) -> Response:
    """A coupon, and who has redeemed it."""
    row = get(Coupon, coupon_id)
    given = sale_lists.redemptions({"coupon": row.id, "ended": "yes"}, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list(
        "admin/coupons/detail.html",
        given,
        ("redemption", "redemptions"),
        coupon=row,
        at=clock.now(),
        timeline=activity.told(timeline.of_subjects([row.id], limit=20), on_page_of=row.id),
    )


@pages.get("/<coupon_id>/edit")
@requires(Permission.SELL)
def edit(coupon_id: str) -> Response:
    """The form to change a coupon."""
    row = get(Coupon, coupon_id)
    return _form(CouponChangesForm.of(row), row)


@pages.post("/<coupon_id>")
@requires(Permission.SELL)
def update(coupon_id: str) -> Response:
    """Change a coupon's name, expiry and limits."""
    row = get(Coupon, coupon_id)
    form = CouponChangesForm.of(row)
    values = form.values(row)
    if form.carry_out(lambda: _update(coupon_id, values)):
        return done(url_for(".show", coupon_id=coupon_id), "The changes were saved.")
    return _form(form, row)


@pages.get("/<coupon_id>/archiving")
@requires(Permission.SELL)
def ask_to_archive(coupon_id: str) -> Response:
    """Ask before a coupon is given out no more."""
    row = get(Coupon, coupon_id)
    return confirm(
        f"Archive {row.code}?",
        "Nobody can redeem it any more. Whoever has it keeps it.",
        url_for(".archive", coupon_id=coupon_id),
        "Archive",
        url_for(".show", coupon_id=coupon_id),
    )


@pages.post("/<coupon_id>/archiving")
@requires(Permission.SELL)
def archive(coupon_id: str) -> Response:
    """Give a coupon out no more."""
    with transaction():
        coupons.archive(coupon_id, clock.now())
    return done(url_for(".show", coupon_id=coupon_id), "The coupon was archived.")


@pages.post("/<coupon_id>/restoring")
@requires(Permission.SELL)
def restore(coupon_id: str) -> Response:
    """Give a coupon out again."""
    with transaction():
        coupons.restore(coupon_id, clock.now())
    return done(url_for(".show", coupon_id=coupon_id), "The coupon can be redeemed again.")


def _create(values: Any) -> str:
    with transaction():
        return coupons.create(values(), clock.now()).id


def _update(coupon_id: str, values: dict[str, Any]) -> None:
    with transaction():
        coupons.update(coupon_id, values, clock.now())


def _form(form: CouponChangesForm, row: Coupon | None = None) -> Response:
    return render("admin/coupons/form.html", status=form.status, form=form, coupon=row)
