"""Credit notes, drafts, write-offs and balances over the pages of the staff, without JavaScript.

The invoice by hand is 2 × 150.00 and 80.00 with 13 % HST: 380.00 + 49.40 = 429.40. That of the subscription was paid:
22.60, of which 5.00 went to the balance already.
"""

from datetime import timedelta

from app.db import transaction
from app.models import Customer, Invoice
from app.queries import sale_lists
from app.queries.refunds import refunds_of
from app.services import invoices, tenant_settings
from app.services.one_off import OneOff
from app.web.once import new_submission_key
from tests.shop import assert_books_agree, assert_books_balance, fresh, invoices_of, mails, payments_of
from tests.web.admin.desk import FRAGMENT, Desk, World, error_of, words


def note_form(invoice_id: str) -> str:
    return f"/admin/invoices/{invoice_id}/credit-notes/new"


def test_the_preview_of_a_credit_note_is_what_is_issued(desk: Desk, world: World) -> None:
    preview = f"/admin/invoices/{world.manual_invoice_id}/credit-notes/preview"
    half = {"how": "amount", "amount": "214.70", "settle": "auto"}
    fragment = desk.post(preview, half, **FRAGMENT).text
    assert "<html" not in fragment
    # half of each: 190.00 before tax, 24.70 tax
    assert "Before tax $190.00 Tax $24.70 Total $214.70 Taken off what is owed $214.70" in words(fragment)
    page = words(desk.does(note_form(world.manual_invoice_id), {**half, "reason": "too late"}))
    assert "The credit note was issued." in page
    assert "Taken off what was owed $214.70 Reason too late" in page
    invoice = words(desk.get(f"/admin/invoices/{world.manual_invoice_id}"))
    assert "Credit notes -$214.70 Due $214.70" in invoice
    assert "CN-000002" in invoice
    line = desk.does(note_form(world.manual_invoice_id), {"how": "lines", "lines-0": "100", "lines-1": ""})
    assert "HST 13 % $13.00 Total $113.00" in words(line)
    assert "Total $101.70" in words(desk.does(note_form(world.manual_invoice_id), {"how": "all"}))  # 214.70 - 113.00
    assert "credited already" in desk.refused(note_form(world.manual_invoice_id), {"how": "all"})
    with desk.inside():
        assert fresh(Invoice, world.manual_invoice_id).due_minor == 0
        assert_books_agree(world.shop.bank)
    assert "CN-000004" in desk.fragment("/admin/credit-notes/?q=CN-0")
    assert "Nothing matches" in desk.fragment("/admin/credit-notes/?q=CN-9")
    assert desk.get(f"/admin/credit-notes/{world.credit_note_id}/pdf").startswith("%PDF-")


def test_what_was_paid_is_kept_or_sent_back(desk: Desk, world: World) -> None:
    kept = words(desk.does(note_form(world.invoice_id), {"how": "amount", "amount": "7.60", "settle": "balance"}))
    assert "balance $7.60" in kept
    assert "Sent back $10.00" in words(desk.does(note_form(world.invoice_id), {"how": "all", "settle": "refund"}))
    desk.run()
    with desk.inside():
        paid = [payment.id for payment in payments_of(invoices_of(world.subscription_id)[0].id)]
        # 22.60 - 5.00 - 7.60, and the cent that was sent back before
        assert sum(refund.amount_minor for refund in refunds_of(paid)) == 10_01
        assert fresh(Customer, world.customer_id).balance_minor == 12_60
        assert_books_agree(world.shop.bank)


def test_what_cannot_be_given_back_is_told_at_its_field(desk: Desk, world: World) -> None:
    for amount, said in {
        "": "Amount is missing.",
        "0": "more than zero",
        "ten": "is a number",
        "1.005": "decimals",
        "429.41": "Only 429.40 CAD is left",
    }.items():
        refused = desk.refused(note_form(world.manual_invoice_id), {"how": "amount", "amount": amount})
        assert said in error_of(refused, "amount"), amount
    page = desk.refused(note_form(world.manual_invoice_id), {"how": "lines", "lines-1": "80.01"})
    assert "Only 80.00 CAD is left" in words(page)
    assert '<a href="#lines-1">' in page
    draft = desk.refused(note_form(world.draft_id), {"how": "all"})
    assert "An invoice that is draft cannot be credited." in draft
    with desk.inside():
        assert len(sale_lists.credit_notes({"invoice": world.manual_invoice_id}).items) == 0


def test_a_draft_changes_until_it_is_finalised(desk: Desk, world: World) -> None:
    page, draft = f"/admin/invoices/{world.draft_id}", f"/admin/drafts/{world.draft_id}"
    shown = desk.get(page)
    assert "It waits until somebody finalises it." in shown
    assert "$91.53" in shown  # 90.00 less 10 % of the coupon, and 13 % tax: 81.00 + 10.53
    books = {"description": "Books", "quantity": "2", "unit_amount": "10.00"}
    assert "$111.87" in desk.does(f"{draft}/lines/new", books)  # 110.00 - 11.00 + 12.87
    edit = f"{draft}/lines/{world.line_id}/edit"
    for typed, field, said in (
        ({"unit_amount": "much"}, "unit_amount", "is a number"),
        ({"unit_amount": "-1"}, "unit_amount", "is zero or more"),
        ({"quantity": ""}, "quantity", "is missing"),
        ({"description": " "}, "description", "Say what this line is for."),
    ):
        assert said in error_of(desk.refused(edit, typed), field), typed
    assert "$122.04" in desk.does(edit, {"unit_amount": "100.00"})  # 120.00 - 12.00 + 14.04
    assert "The line was removed." in desk.does(f"{draft}/lines/{world.line_id}/removal")
    answer = desk.does(f"{draft}/finalization")
    assert "was issued." in answer
    assert "$20.34" in answer  # 20.00 - 2.00 + 2.34
    assert desk.post(f"{draft}/finalization").status_code == 409
    assert desk.post(f"{draft}/discarding").status_code == 409


def test_a_draft_is_written_by_hand_and_discarded(desk: Desk, world: World) -> None:
    line = {"lines-0-description": "Hours", "lines-0-unit_amount": "100", "draft": "y"}
    page = desk.does(f"/admin/one-off-invoices/new?customer={world.customer_id}", line)
    assert "The draft was kept." in page
    assert "The draft was discarded." in desk.does(f"/admin/drafts/{world.draft_id}/discarding")
    with desk.inside():
        row = fresh(Invoice, world.draft_id)
        assert (row.status, row.number) == ("void", None)


def test_an_open_invoice_is_paid_by_the_balance_corrected_or_given_up(desk: Desk, world: World) -> None:
    page = f"/admin/invoices/{world.manual_invoice_id}"
    assert "From the balance -$5.00 Due $424.40" in words(desk.press(page, f"{page}/balance"))
    assert "This draft takes its place." in desk.does(f"{page}/replacement")
    assert "Replaced by another one" in desk.get(page)
    failed = f"/admin/invoices/{world.failed_invoice_id}"
    answer = desk.does(f"{failed}/write-off", {"reason": "bankrupt"})
    assert "Written off" in words(answer)
    assert "bankrupt" in answer
    assert "Only an open invoice" in desk.refused(f"{failed}/write-off", {})


def test_a_balance_is_given_and_taken_back_and_items_wait(desk: Desk, world: World) -> None:
    page = f"/admin/customers/{world.customer_id}"
    form = f"{page}/balance/adjustment"
    given = words(desk.does(form, {"way": "give", "amount": "20", "reason": "sorry"}))
    assert "Changed by hand $20.00 $25.00" in given  # 5.00 + 20.00
    taken = words(desk.does(form, {"way": "take", "amount": "25", "reason": "typo"}))
    assert "Changed by hand -$25.00 $0.00" in taken
    refused = desk.refused(form, {"way": "take", "amount": "0.01", "reason": "x"})
    assert "more cannot be taken back" in error_of(refused, "amount")
    assert "Reason is missing." in error_of(desk.refused(form, {"amount": "1"}), "reason")
    added = desk.does(f"{page}/items/new", {"description": "Mugs", "quantity": "3", "unit_amount": "7.50"})
    assert "3 × $7.50" in words(added)
    removed = desk.does(f"/admin/customers/items/{world.item_id}/removal")
    assert "Stickers" not in removed
    assert "Mugs" in removed


def test_grace_and_numbering_are_settings(desk: Desk) -> None:
    page = desk.does("/admin/settings/collection", {"grace_hours": "24", "numbering": "customer"})
    assert "Hours to look at renewals 24" in words(page)
    assert "a series for each customer" in page
    assert "from 0 to 72" in error_of(desk.refused("/admin/settings/collection", {"grace_hours": "73"}), "grace_hours")


def test_a_customer_shows_where_they_stand_with_what_is_not_paid(desk: Desk, world: World) -> None:
    with desk.inside():
        failed = fresh(Invoice, world.failed_invoice_id)
        customer_id, number = failed.customer_id, failed.number
    shown = words(desk.get(f"/admin/customers/{customer_id}"))
    assert f"Reminders of {number} Reminder by mail" in shown
    assert "Final step" in shown
    assert shown.count("planned") == 8  # mails after 1, 3 and 7 days, tries after 1, 3, 5 and 7, and the final step


def test_an_invoice_that_looks_abnormal_is_shown_and_let_go(desk: Desk, world: World) -> None:
    with desk.inside(), transaction():
        tenant_settings.change_settings({"review_amount": 500}, desk.at)
        row_id = invoices.create(world.customer_id, [OneOff("Building", "600.00")], desk.at).id
    page, reason = (
        f"/admin/invoices/{row_id}",
        "would come to 605.00 CAD before tax, and more than 500 is looked at first",
    )
    assert reason in words(desk.get("/admin/"))
    assert reason in desk.get("/admin/invoices/?status=parked")
    assert f"Set aside: it is not charged until somebody has looked at it This invoice {reason}" in words(
        desk.get(page)
    )
    assert "was issued." in desk.does(f"/admin/drafts/{row_id}/finalization")
    assert reason not in words(desk.get("/admin/"))


def test_money_from_outside_of_gateways_is_recorded_once_given_back_and_taken_back(desk: Desk, world: World) -> None:
    """113.00 + 129.40 + 187.00 = 429.40. The last one was a mistake."""
    invoice = f"/admin/invoices/{world.manual_invoice_id}"
    form = f"{invoice}/outside-payments/new"
    assert 'value="429.40"' in desk.get(form)
    assert "429.40 CAD that are due" in error_of(desk.refused(form, {"amount": "429.41"}), "amount")
    assert "in the future" in error_of(desk.refused(form, {"at": "2199-01-01"}), "at")
    assert "look at the year" in error_of(desk.refused(form, {"at": "2001-01-01"}), "at")
    yesterday, key = f"{desk.at - timedelta(days=1):%F}", new_submission_key()
    typed = {"amount": "113.00", "method": "cheque", "at": yesterday, "reference": "No. 17", "submission": key}
    for _ in range(2):
        assert "Cheque" in words(desk.get(desk.post(f"{invoice}/outside-payments", typed).location))
    assert "The payment is recorded." in desk.does(form, {"amount": "129.40", "method": "bank_transfer"})
    assert "Paid" in words(desk.does(form, {"method": "cash"}))
    desk.run()
    with desk.inside():
        assert "INV" in mails("receipt")[-1].context["number"]
        first, second, last = (payment.id for payment in payments_of(world.manual_invoice_id))
    listed = words(desk.fragment("/admin/payments/?gateway=outside&q=no. 17"))
    assert "Cheque No. 17" in listed
    assert "Cash" not in listed
    assert "outside,,Cheque" in desk.get("/admin/exports/payments.csv?gateway=outside")
    page = f"/admin/payments/{first}"
    assert "None: recorded by hand" in desk.get(page)
    assert "It is recorded that the money was given back." in desk.does(f"{page}/refunds/new", {"amount": "13.00"})
    assert "Take back" not in desk.get(page)
    taken_back = desk.does(f"/admin/payments/{last}/reversal", {"reason": "the other farm's"})
    assert "Taken back: the invoice is owed again." in taken_back
    assert "Recorded payment taken back" in taken_back
    assert "$187.00" in words(desk.get(invoice))
    assert desk.post(f"/admin/payments/{second}/check").status_code == 409
    with desk.inside():
        assert fresh(Invoice, world.manual_invoice_id).due_minor == 187_00
        assert_books_balance()
