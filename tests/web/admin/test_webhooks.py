"""Webhooks on the pages of the staff: found, read without what is private, worked on again, dismissed."""

from sqlalchemy import select

from app import clock
from app.db import session
from app.models import AuditEntry, InboxNotice
from app.queries.base import get
from tests.simulated import connected, simulated
from tests.web.admin.desk import Desk, World, words


def state(desk: Desk, notice_id: str) -> str:
    with desk.inside():
        return get(InboxNotice, notice_id).state


def audited(desk: Desk, notice_id: str) -> list[str]:
    with desk.inside():
        return list(session().scalars(select(AuditEntry.action).where(AuditEntry.subject_id == notice_id)))


def test_what_was_laid_aside_is_on_the_first_page_and_in_the_list(desk: Desk, world: World) -> None:
    assert f"/admin/webhooks/{world.notice_id}" in desk.get("/admin/")
    assert world.notice_id in desk.get("/admin/webhooks/?state=dead")
    assert world.notice_id not in desk.get("/admin/webhooks/?state=done")
    assert world.notice_id in desk.get(f"/admin/webhooks/?kind=payment&account={world.account_id}")


def test_it_is_read_without_what_tells_who_the_payer_is(desk: Desk, world: World) -> None:
    page = words(desk.get(f"/admin/webhooks/{world.notice_id}"))
    assert "evt_1" in page
    assert "ada@example.com" not in page
    assert "[redacted]" in page


def test_it_is_worked_on_again_and_that_is_audited(desk: Desk, world: World) -> None:
    page = f"/admin/webhooks/{world.notice_id}"
    desk.press(page, f"{page}/replay")
    assert state(desk, world.notice_id) == "due"
    assert audited(desk, world.notice_id) == ["notice.replay"]
    assert "waits to be worked on already" in desk.post(f"{page}/replay").text


def test_it_is_dismissed_with_a_reason(desk: Desk, world: World) -> None:
    page = f"/admin/webhooks/{world.notice_id}"
    desk.refused(f"{page}/dismissal", {"reason": ""})
    desk.does(f"{page}/dismissal", {"reason": "A payment of our web shop"})
    assert state(desk, world.notice_id) == "dismissed"
    assert "Webhook dismissed" in desk.get(page)
    assert f"/admin/webhooks/{world.notice_id}" not in desk.get("/admin/")


def test_a_dispute_is_shown_wherever_somebody_looks_for_it(desk: Desk, world: World) -> None:
    link = f"/admin/disputes/{world.dispute_id}"
    for page in (
        "/admin/",
        "/admin/disputes/",
        f"/admin/payments/{world.payment_id}",
        f"/admin/customers/{world.customer_id}",
    ):
        assert link in desk.get(page), page
        assert "nswer by" in desk.get(page), page
    assert "Send evidence at" in desk.get(link) or "Evidence was taken until" in desk.get(link)


def test_a_difference_says_what_to_do_and_is_dismissed_with_a_reason(desk: Desk, world: World) -> None:
    assert "Gateways say otherwise" in desk.get("/admin/")
    page = desk.get("/admin/reconciliation/?state=open")
    assert "Taken, but unknown here" in page
    assert "Look it up at the gateway" in page
    form = f"/admin/reconciliation/{world.difference_id}/dismissal"
    desk.refused(form, {"reason": " "})
    desk.does(form, {"reason": "Our web shop took it"})
    assert "Gateways say otherwise" not in desk.get("/admin/")
    assert "sbx_unknown" in desk.get("/admin/reconciliation/?state=dismissed")


def test_accounts_that_nothing_can_be_compared_with_are_named(desk: Desk, world: World) -> None:
    assert "Not compared" not in desk.get("/admin/reconciliation/")
    with simulated("pesapal") as pesapal, desk.inside():
        connected(pesapal, clock.now(), "Nairobi")
    assert "have no list: Nairobi" in desk.get("/admin/reconciliation/")


def test_the_workspace_decides_what_becomes_of_late_money(desk: Desk, world: World) -> None:
    assert "Keep it as the customer" in desk.get("/admin/settings/")
    assert "Send it back" in desk.does("/admin/settings/collection", {"late_money": "refund"})
