"""Coupons, and giving them to customers."""

from http import HTTPStatus

from app import models
from app.api.blueprint import v1
from app.api.operations import reads, writes
from app.api.references import existing
from app.api.schemas.base import Page, page_of
from app.api.schemas.coupons import (
    Coupon,
    CouponChanges,
    CouponListing,
    NewCoupon,
    NewRedemption,
    Redemption,
    RedemptionListing,
)
from app.clock import now
from app.permissions import Permission
from app.present import present
from app.queries import sale_lists
from app.queries.base import get
from app.services import coupons


@v1.get("/coupons")
@reads(Page[Coupon])
def list_coupons(query: CouponListing) -> Page[Coupon]:
    """List coupons, the newest first."""
    return page_of(sale_lists.coupons(query.filters, cursor=query.cursor, limit=query.limit), Coupon.of)


@v1.post("/coupons")
@writes(Coupon, Permission.SELL, HTTPStatus.CREATED)
def add_coupon(json: NewCoupon) -> Coupon:
    """Add a coupon."""
    return Coupon.of(coupons.create(json.kept(), now()))


@v1.get("/coupons/<coupon_id>")
@reads(Coupon)
def show_coupon(coupon_id: str) -> Coupon:
    """Show a coupon."""
    return Coupon.of(get(models.Coupon, coupon_id))


@v1.patch("/coupons/<coupon_id>")
@writes(Coupon, Permission.SELL)
def change_coupon(coupon_id: str, json: CouponChanges) -> Coupon:
    """Change a coupon's name, expiry or limits, archive it or take it back into use."""
    values, at = json.given(), now()
    archived = values.pop("archived", None)
    row = coupons.update(coupon_id, values, at)
    if archived is not None:
        row = coupons.archive(coupon_id, at) if archived else coupons.restore(coupon_id, at)
    return Coupon.of(row)


@v1.get("/redemptions")
@reads(Page[Redemption])
def list_redemptions(query: RedemptionListing) -> Page[Redemption]:
    """List who has redeemed which coupon, the newest first."""
    return page_of(sale_lists.redemptions(query.filters, cursor=query.cursor, limit=query.limit), Redemption.of)


@v1.post("/redemptions")
@writes(Redemption, Permission.SELL, HTTPStatus.CREATED)
def redeem_coupon(json: NewRedemption) -> Redemption:
    """Give a coupon to a customer, or to one of their subscriptions.

    It discounts invoices from the next one on. One that a new subscription should begin with is named at its creation.
    """
    customer = existing(models.Customer, json.customer, "customer")
    subscription = existing(models.Subscription, json.subscription, "subscription").id if json.subscription else None
    return Redemption.of(coupons.redeem(json.coupon, customer.id, present(customer.id), subscription_id=subscription))


@v1.delete("/redemptions/<redemption_id>")
@writes(Redemption, Permission.SELL)
def take_back_coupon(redemption_id: str) -> Redemption:
    """Take a coupon back from a customer: the next invoices are not discounted any more."""
    return Redemption.of(coupons.take_back(redemption_id, present(redemption_id)))
