"""Coupons, meters, usage and alerts over the pages of the staff, without JavaScript."""

from typing import Any

from app.db import session, transaction
from app.jobs.schedule import run_due
from app.models import Coupon, Meter, Subscription, UsageAlert
from app.queries import lists
from app.services import usage_events
from app.services.usage_events import NewEvent, NewEvents
from tests.shop import fresh, invoices_of
from tests.web.admin.desk import Desk, World, error_of, words
from tests.web.admin.test_selling import assert_refused, newest_id

NEW_COUPON = {"code": "SPRING", "kind": "percent", "percent": "12.5", "duration": "repeating", "periods": "3"}


def test_a_coupon_is_added_changed_sold_archived_and_given_again(desk: Desk, world: World) -> None:
    limits = {"max_redemptions": "1", "last_day": "2999-12-31"}
    page = words(desk.does("/admin/coupons/new", {**NEW_COUPON, **limits}))
    assert "SPRING can be redeemed now." in page
    assert "12.5%, off 3 billing periods" in page
    with desk.inside():
        coupon = session().query(Coupon).filter_by(code="SPRING").one()
        coupon_id, expires = coupon.id, coupon.expires_at
    assert "Spring sale" in desk.does(f"/admin/coupons/{coupon_id}/edit", {"name": "Spring sale"})
    sold = desk.does(
        f"/admin/sales/new?customer={world.customer_id}", {"plan": world.plan_id, "quantity": "1", "coupon": "SPRING"}
    )
    assert "Sold to Foxglove Farm." in sold
    subscription_id = newest_id(desk, "subscriptions")
    with desk.inside():
        assert fresh(Coupon, coupon_id).expires_at == expires
        # 20.00 and 5.00 for what waited; WELCOME takes 2.50, and SPRING 12.5 % of 22.50, which is 2.8125
        assert invoices_of(subscription_id)[0].discount_minor == 5_31
    page = words(desk.get(f"/admin/coupons/{coupon_id}"))
    assert "Used up" in page
    assert "Foxglove Farm" in page
    assert "The coupon was archived." in desk.does(f"/admin/coupons/{coupon_id}/archiving")
    assert "SPRING" not in desk.fragment("/admin/coupons/")
    assert "SPRING" in desk.fragment("/admin/coupons/?archived=yes")
    page = f"/admin/coupons/{coupon_id}"
    assert "can be redeemed again" in desk.press(page, f"{page}/restoring")


def test_a_coupon_that_makes_no_sense_is_refused_at_its_field(desk: Desk, world: World) -> None:
    cases: list[Any] = [
        ({"code": ""}, "code", "Code is missing."),
        ({"code": "WELCOME"}, "code", "There is a coupon with the code “WELCOME” already."),
        ({"percent": ""}, "percent", "Percent is missing."),
        ({"percent": "0"}, "percent", "above 0 and at most 100"),
        ({"percent": "100.5"}, "percent", "above 0 and at most 100"),
        ({"kind": "amount", "amount": ""}, "amount", "Amount is missing."),
        ({"kind": "amount", "amount": "5.001"}, "amount", "decimals"),
        ({"periods": ""}, "periods", "needs its number of periods"),
        ({"max_redemptions": "0"}, "max_redemptions", "from 1 to"),
        ({"last_day": "tomorrow"}, "last_day", "Not a valid date"),
    ]
    assert_refused(desk, "/admin/coupons/new", NEW_COUPON, cases)
    sale = f"/admin/sales/new?customer={world.customer_id}"
    assert_refused(desk, sale, {"plan": world.plan_id}, [({"coupon": "NOPE"}, "coupon", "There is no coupon “NOPE”.")])
    with desk.inside():
        assert session().query(Coupon).count() == 1


def test_a_coupon_is_given_to_a_customer_and_taken_back(desk: Desk, world: World) -> None:
    desk.does("/admin/coupons/new", {**NEW_COUPON, "kind": "amount", "amount": "5", "duration": "once"})
    form = f"/admin/redemptions/new?customer={world.customer_id}"
    page = words(desk.does(form, {"coupon": "SPRING"}))
    assert "SPRING discounts their next invoices." in page
    assert "$5.00, off one invoice" in page
    assert "at work there already" in error_of(desk.refused(form, {"coupon": "SPRING"}), "coupon")
    assert "There is no coupon" in error_of(desk.refused(form, {"coupon": "NOPE"}), "coupon")
    answer = desk.does(f"/admin/redemptions/{world.redemption_id}/withdrawal")
    assert "WELCOME" not in answer
    assert "The coupon was taken back." in answer


def test_a_meter_is_added_changed_and_put_away(desk: Desk, world: World) -> None:
    good = {"name": "Storage", "code": "storage", "aggregation": "max", "property_name": "gb"}
    cases: list[Any] = [
        ({"name": ""}, "name", "Name is missing."),
        ({"code": "calls"}, "code", "Another meter has the code “calls”."),
        ({"property_name": ""}, "property_name", "property"),
        ({"aggregation": "count"}, "property_name", "property"),
        ({"aggregation": "median"}, "aggregation", "Not a valid choice"),
    ]
    assert_refused(desk, "/admin/meters/new", good, cases)
    assert "Storage takes events now." in desk.does("/admin/meters/new", good)
    with desk.inside():
        meter_id = session().query(Meter).filter_by(code="storage").one().id
    page = f"/admin/meters/{meter_id}"
    assert "Late events Refuse" in words(desk.does(f"{page}/edit", {"late_policy": "refuse"}))
    assert "The meter was archived." in desk.does(f"{page}/archiving")
    assert "Storage" not in desk.fragment("/admin/meters/")
    assert "takes events again" in desk.press(page, f"{page}/restoring")
    used = f"/admin/meters/{world.meter_id}"
    assert "Metered" in desk.get(used)
    assert "change their plans first" in desk.refused(f"{used}/archiving", {}, 409)


def test_usage_is_summed_filtered_explained_and_watched(desk: Desk, world: World) -> None:
    page = f"/admin/customers/{world.customer_id}/usage"
    desk.run()
    shown = words(desk.get(page))
    assert "30 $15.00" in shown  # 30 calls at 0.50
    assert "30 × 0.5" in shown
    assert "Calls: 20" in shown  # the level that was reached
    with desk.inside():
        metered = session().query(Subscription).join(Subscription.plan).filter_by(code="metered").one().id
    alone = words(desk.get(f"/admin/subscriptions/{metered}/usage"))
    assert "30 × 0.5" in alone
    assert f"/admin/subscriptions/{metered}/usage" in desk.get(f"/admin/subscriptions/{metered}")
    assert "Nothing is measured" in desk.get(f"/admin/subscriptions/{world.subscription_id}/usage")
    assert "call-10" in desk.fragment(f"{page}?meter=calls")
    assert "Nothing matches" in desk.fragment(f"{page}?meter=calls&until=2020-01-01")
    form = f"/admin/usage-alerts/new?customer={world.customer_id}"
    for levels, said in {"": "is missing", "many": "above zero", "0 5": "all above zero", "-1": "above zero"}.items():
        assert said in error_of(desk.refused(form, {"meter": world.meter_id, "levels": levels}), "levels"), levels
    assert "500, 1,000.5" in words(desk.does(form, {"meter": world.meter_id, "levels": "1000.5 500"}))
    assert "The alert was removed." in desk.does(f"/admin/usage-alerts/{world.alert_id}/removal")
    anybody = {"meter": world.meter_id, "levels": "5"}
    assert "Any customer" in desk.does("/admin/usage-alerts/new", anybody)
    with desk.inside():
        assert session().query(UsageAlert).count() == 2


def test_what_was_invoiced_of_usage_stands_beside_its_period(desk: Desk, world: World) -> None:
    desk.run()
    with desk.inside():
        metered = next(row for row in lists.subscriptions({}).items if row.plan.code == "metered")
        end = metered.current_period_end
        with transaction():
            event = NewEvent("late-1", world.customer_id, "calls", desk.at, {"n": 2})
            usage_events.record(NewEvents.of([event]), desk.at)
        run_due(end)
    shown = words(desk.get(f"/admin/customers/{world.customer_id}/usage"))
    assert "32 $16.00" in shown
    assert "Counted again" in shown
