"""A desk for tests: somebody of the staff at a browser without a screen, and the shop they look after."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock
from app.db import current_tenant_id, session, tenant_scope, transaction
from app.domain.money import Money
from app.gateways.sandbox_bank import SandboxBank
from app.gateways.types import Dispute, DisputeStatus, Notice, NoticeKind, PaymentRef, RawRequest
from app.ids import new_id
from app.jobs.schedule import run_due
from app.models import Difference, FraudReview, InboxNotice, JournalEntry, Mail, Payment, Subscription, Task
from app.queries.base import get
from app.services import (
    api_keys,
    bulk,
    coupons,
    credit_notes,
    disputes,
    inbox,
    invoice_items,
    invoices,
    meters,
    refunds,
    routing,
    screening,
    subscriptions,
    test_clocks,
    usage_alerts,
    usage_events,
    users,
)
from app.services.one_off import OneOff
from app.services.subscription_status import park
from app.services.usage_events import NewEvent, NewEvents
from app.web.once import new_submission_key
from tests.shop import Shop, invoices_of, open_shop, payments_of
from tests.web.form_reader import forms_of
from tests.web.people import PASSWORD, TOKEN, add, sign_in

OWNER, ADMIN, VIEWER = "owner@acme.example", "admin@acme.example", "viewer@acme.example"
ROLES = {OWNER: "owner", ADMIN: "billing_admin", VIEWER: "billing_viewer"}
FRAGMENT = {"HX-Request": "true"}


@dataclass(slots=True)
class Desk:
    """One person, signed in. Whoever `inside()` runs is in the tenant, as a service would be."""

    app: Flask
    tenant: str
    at: datetime
    client: FlaskClient
    token: str = field(default="", repr=False)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """In the tenant's scope."""
        with self.app.app_context(), tenant_scope(self.tenant):
            yield

    def get(self, path: str, expect: int = 200, **headers: str) -> str:
        """The text of a page, which must answer like that."""
        response = self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        text = response.get_data().decode(errors="replace")  # a PDF is no text
        assert response.status_code == expect, f"{path}: {response.status_code} {text[:2000]}"
        return text

    def fragment(self, path: str, expect: int = 200) -> str:
        """What HTMX gets there."""
        return self.get(path, expect, HX_Request="true")

    def post(self, path: str, typed: dict[str, Any] | None = None, **headers: str) -> TestResponse:
        """Send a form with its hidden fields, as the page would."""
        self.token = self.token or TOKEN.findall(self.client.get("/profile").text)[0]
        data = {"csrf_token": self.token, "submission": new_submission_key(), **(typed or {})}
        return self.client.post(path, data=data, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def fill(self, page: str, typed: dict[str, Any], action: str | None = None) -> TestResponse:
        """Open a page, type into its form and send it: the one to `action`, or else the last one."""
        forms = [form for form in forms_of(self.get(page)) if action in (None, form.action)]
        assert forms, f"{page} has no form to {action}"
        return self.client.post(forms[-1].action, data={**forms[-1].fields, **typed})

    def does(self, page: str, typed: dict[str, Any] | None = None, action: str | None = None) -> str:
        """Fill in a form that must be good, follow where it leads, and give that page."""
        response = self.fill(page, typed or {}, action)
        assert response.status_code == 303, f"{page}: {response.status_code} {words(response.text)[-1500:]}"
        return self.get(response.location)

    def press(self, page: str, action: str) -> str:
        """Press the button of a page that sends something there, and give the page it leads to."""
        return self.does(page, action=action)

    def refused(self, page: str, typed: dict[str, Any], status: int = 422) -> str:
        """Fill in a form that must come back, and give it."""
        response = self.fill(page, typed)
        assert response.status_code == status, f"{page}: {response.status_code} {words(response.text)[-1500:]}"
        return response.text

    def run(self) -> None:
        """Have everything done that is due by now, what was just done on a page included."""
        with self.app.app_context():
            run_due(clock.now())


def seat(app: Flask, tenant: str, at: datetime, email: str = OWNER) -> Desk:
    """A person of that role, added to the tenant and signed in."""
    add(app, tenant, email, ROLES[email], at)
    client = app.test_client()
    assert sign_in(client, email, PASSWORD).status_code == 303
    return Desk(app, tenant, at, client)


@dataclass(slots=True)
class World:
    """Something of everything, by the names that addresses give to ids."""

    shop: Shop
    customer_id: str = ""
    product_id: str = ""
    plan_id: str = ""
    subscription_id: str = ""
    parked_id: str = ""
    invoice_id: str = ""
    failed_invoice_id: str = ""
    manual_invoice_id: str = ""
    payment_id: str = ""
    failed_payment_id: str = ""
    unknown_payment_id: str = ""
    method_id: str = ""
    account_id: str = ""
    key_id: str = ""
    user_id: str = ""
    entry_id: str = ""
    mail_id: str = ""
    coupon_id: str = ""
    redemption_id: str = ""
    credit_note_id: str = ""
    draft_id: str = ""
    line_id: str = ""
    item_id: str = ""
    meter_id: str = ""
    alert_id: str = ""
    task_id: str = ""
    notice_id: str = ""
    clock_id: str = ""
    dispute_id: str = ""
    difference_id: str = ""
    refund_id: str = ""
    deposit_id: str = ""
    rule_id: str = ""
    review_id: str = ""
    fraud_rule_id: str = ""
    listed_id: str = ""

    def ids(self) -> dict[str, str]:
        """What fills the addresses of pages."""
        named = {name: getattr(self, name) for name in self.__dataclass_fields__ if name.endswith("_id")}
        return {**named, "gateway": "sandbox", "purpose": "sale", "step": "day"}


def furnish(desk: Desk, bank: SandboxBank) -> World:
    """A customer who paid, one whose card was declined, one whose gateway did not answer, one set aside, and so on."""
    with desk.inside():
        world = World(open_shop(desk.at, bank))
        shop = world.shop
        world.product_id, world.account_id = shop.product_id, shop.account_id
        world.plan_id = shop.plan(code="basic")
        with transaction():
            world.rule_id = routing.add(world.account_id, desk.at, currency="CAD").id
            world.fraud_rule_id = screening.add_rule("ip_attempts", "review", desk.at, at_least=100).id
            world.listed_id = screening.add_entry("email", "nobody@nowhere.example", desk.at, allow=False).id
        world.customer_id = shop.customer()
        world.method_id = shop.method(world.customer_id)
        world.subscription_id = shop.sell(world.customer_id, world.plan_id)
        declined = shop.sell(shop.buyer("tok_soft_decline", name="Harbour Hotels"), world.plan_id)
        silent = shop.sell(shop.buyer("tok_no_answer", name="Silent Sawmill"), world.plan_id)
        world.parked_id = shop.sell(shop.buyer(name="Parked Pottery"), world.plan_id)
        run_due(desk.at)
        world.invoice_id = invoices_of(world.subscription_id)[0].id
        world.failed_invoice_id = invoices_of(declined)[0].id
        world.payment_id = payments_of(world.invoice_id)[0].id
        world.failed_payment_id = payments_of(world.failed_invoice_id)[0].id
        world.unknown_payment_id = payments_of(invoices_of(silent)[0].id)[0].id
        world.refund_id = refunds.refund(world.payment_id, Money(1, "CAD"), desk.at).id
        world.deposit_id = new_id("dep")  # the sandbox knows no chain, so nobody has any
        _add_usage(world, desk.at)
        _add_the_rest(world, desk.at)
    return world


def _hold(world: World) -> str:
    """A payment of the manual invoice that somebody has to look at."""
    row = FraudReview(
        invoice_id=world.manual_invoice_id,
        customer_id=world.customer_id,
        currency="CAD",
        amount_minor=100_00,
        signals=["ip_attempts"],
    )
    session().add(row)
    session().flush()
    return row.id


def _add_the_rest(world: World, at: datetime) -> None:
    with transaction():
        lines = [OneOff("Workshop", "150.00", 2), OneOff("Travel", "80.00")]
        world.clock_id = test_clocks.create("Winter", at, at).id
        world.manual_invoice_id = invoices.create(world.customer_id, lines, at, memo="Thank you").id
        world.review_id = _hold(world)
        world.key_id = api_keys.create("Shop front", ["read"], at)[0].id
        customer = {"password": PASSWORD, "customer_id": world.customer_id}
        world.user_id = users.create("buyer@foxglove.example", "Fay", "customer", at, **customer).id
        park(get(Subscription, world.parked_id, lock=True), at, "The customer has no province.")
        _add_discounts(world, at)
        world.mail_id, world.task_id = _give_up(Mail, "failed"), _give_up(Task, "dead")
        notice = Notice(NoticeKind.PAYMENT, "evt_1", PaymentRef("", "sbx_1"))
        webhook = RawRequest(b'{"id": "evt_1", "email": "ada@example.com"}', {}, received_at=at)
        sealed = inbox.seal(current_tenant_id(), world.account_id, webhook, [notice])
        bulk.insert_rows(InboxNotice, inbox.Row._fields, sealed)
        world.notice_id = _give_up(InboxNotice, "dead")
        now = clock.now()
        told = Dispute("dp_1", PaymentRef(""), DisputeStatus.NEEDS_RESPONSE, Money(500, "CAD"), "fraudulent", at, now)
        world.dispute_id = disputes.record(world.payment_id, told, at, at).id
        world.difference_id = _difference(world, at)
        world.entry_id = str(session().query(JournalEntry.id).first()[0])  # type: ignore[index]


def _add_discounts(world: World, at: datetime) -> None:
    coupon = coupons.create({"code": "WELCOME", "percent": "10", "duration": "forever"}, at)
    world.coupon_id, world.redemption_id = coupon.id, coupons.redeem("WELCOME", world.customer_id, at).id
    five = Money(500, "CAD")
    world.credit_note_id = credit_notes.issue(world.invoice_id, at, amount=five, reason="late", settle="balance").id
    draft = invoices.create(world.customer_id, [OneOff("Training", "90.00")], at, finalize=False)
    world.draft_id, world.line_id = draft.id, draft.lines[0].id
    world.item_id = invoice_items.add(world.customer_id, OneOff("Stickers", "5.00"), at).id


def _add_usage(world: World, at: datetime) -> None:
    """A plan with a metered charge, a subscription to it, and 30 calls; the first 20 passed a level."""
    values = {"code": "calls", "name": "Calls", "aggregation": "sum", "property_name": "n"}
    with transaction():
        meter = meters.create(values, at)
        world.meter_id = meter.id
        world.alert_id = usage_alerts.create(meter.id, ["20", "100"], at, world.customer_id).id
    charge = {"name": "Calls", "kind": "usage", "meter_id": world.meter_id}
    price = {"model": "standard", "unit_amount": "0.5"}
    plan_id = world.shop.plan(code="metered", name="Metered", charges=[{**charge, "price": price}])
    world.shop.sell(world.customer_id, plan_id)
    events = [NewEvent(f"call-{n}", world.customer_id, "calls", at, {"n": n}) for n in (10, 20)]
    with transaction():
        usage_events.record(NewEvents.of(events), at)


def _difference(world: World, at: datetime) -> str:
    words = {"kind": "payment_unknown", "reference": "sbx_unknown", "at": at, "seen_at": at}
    row = Difference(gateway_account_id=world.account_id, theirs_minor=900, theirs_currency="CAD", **words)
    session().add(row)
    session().flush()
    return row.id


def _give_up(model: type[Mail] | type[Task] | type[InboxNotice], state: str) -> str:
    row = session().query(model).order_by(model.id).first()
    assert row
    row.state, row.last_error = state, "Connection refused"
    return row.id


def unpaid(subscription_id: str) -> str:
    """The id of the first invoice of a subscription."""
    return invoices_of(subscription_id)[0].id


def status_of(payment_id: str) -> str:
    """The status of a payment now."""
    return get(Payment, payment_id).status


def cancelled(subscription_id: str, at: datetime) -> None:
    """End a subscription with its period."""
    with transaction():
        subscriptions.cancel(subscription_id, at, at_period_end=True)


def error_of(page: str, field: str) -> str:
    """What a page says is wrong with a field; empty when it says nothing."""
    found = re.search(rf'id="{field}-error" class="field-error">(.*?)</div>', page, re.DOTALL)
    return words(found[1]).strip() if found else ""


def words(page: str) -> str:
    """The text of a page without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
