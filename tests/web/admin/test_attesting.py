"""Somebody of the staff says what they saw at a gateway, over the pages."""

from sqlalchemy import update

from app.db import session, transaction
from app.models import Payment, Refund
from tests.shop import fresh
from tests.web.admin.desk import Desk, World, error_of, words


def test_the_staff_says_what_became_of_what_is_in_doubt(desk: Desk, world: World) -> None:
    page = f"/admin/payments/{world.unknown_payment_id}"
    form = f"{page}/attestation"
    assert "I looked at the gateway" in words(desk.get(page))
    assert "Note is missing" not in words(desk.get(form))
    assert "is missing" in error_of(desk.refused(form, {"seen": "made"}), "note")
    assert "is missing" in error_of(desk.refused(form, {"note": "Dashboard"}), "seen")
    never = desk.refused(form, {"seen": "made", "note": "Dashboard"})  # the sandbox knows that it was not
    assert "never received this payment" in words(never)
    after = words(desk.does(form, {"seen": "not_made", "note": "Nothing in the dashboard"}))
    assert "Somebody looked at the gateway" in after
    assert "Nothing in the dashboard" in after
    with desk.inside():
        assert fresh(Payment, world.unknown_payment_id).attested == "failed"
    assert "there is no doubt about it" in words(desk.refused(form, {"seen": "made", "note": "Dashboard"}))

    page = f"/admin/payments/{world.payment_id}"
    assert "I looked at the gateway" not in words(desk.get(page))
    with desk.inside(), transaction():
        session().execute(update(Refund).where(Refund.id == world.refund_id).values(status="unknown"))
    assert "Refunds in doubt 1" in words(desk.get("/admin/"))
    assert world.payment_id in desk.get("/admin/payments/?status=refund_in_doubt")
    form = f"{page}/refunds/{world.refund_id}/attestation"
    assert form in desk.get(page)
    desk.get(f"/admin/payments/{world.failed_payment_id}/refunds/{world.refund_id}/attestation", 404)
