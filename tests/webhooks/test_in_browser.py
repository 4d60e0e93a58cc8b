"""A webhook that was laid aside, in a real browser: found on the first page, read, and worked on again."""

import re
from datetime import datetime

from flask import Flask
from playwright.sync_api import Page, expect

from app import clock
from app.services import inbox_work
from simulators.faults import Fault, FaultKind
from tests.web.people import PASSWORD, add
from tests.webhooks.counter import Counter

EMAIL = "ada@acme.example"


def test_a_dead_letter_is_replayed_with_two_clicks(
    app: Flask, tenant: str, at: datetime, counter: Counter, page: Page
) -> None:
    add(app, tenant, EMAIL, "owner", at)
    payment_id = counter.pay()
    counter.deliver(counter.letters[-1])
    counter.world.simulator.faults.draw(1, 0, [Fault(FaultKind.ERROR_BEFORE, on="GET /v1/payment_intents")])
    now = clock.now()
    with counter.inside():
        for pause in (*inbox_work.BACK_OFF, inbox_work.BACK_OFF[0]):
            inbox_work.follow_due(now)
            now += pause
    counter.world.simulator.faults.clear()
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/")
    page.get_by_role("link", name=re.compile("Till · Payment")).click()
    expect(page.get_by_text("Laid aside").first).to_be_visible()
    page.get_by_role("button", name="Work on it again").click()
    expect(page.get_by_role("region", name="Messages")).to_contain_text("worked on again within a few seconds")
    counter.work()
    page.reload()
    expect(page.locator(".facts").get_by_text("Done")).to_be_visible()
    assert counter.payment(payment_id).status == "succeeded"
