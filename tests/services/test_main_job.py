"""The main job, from a plan to a paid invoice on paper, by the services alone.

20.00 a month for 3 seats is 60.00; Ontario's HST of 13 % is 7.80; together 67.80.
"""

import email.policy
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from io import BytesIO

from pypdf import PdfReader
from sqlalchemy import select

from app.config import Settings
from app.db import session
from app.domain.money import Money
from app.jobs.schedule import run_due
from app.models import Event, JournalEntry, LedgerAccount, Mail, Subscription
from app.services import access, documents
from tests.shop import REGISTRATION, Shop, assert_books_agree, balance, fresh, invoices_of, payments_of

FEBRUARY = datetime(2026, 2, 15, 12, 0, tzinfo=UTC)


def postings(source_id: str) -> dict[str, dict[str, int]]:
    """What was posted for a row: minor units by account, by fact."""
    codes = {row.id: row.code for row in session().scalars(select(LedgerAccount))}
    entries = session().scalars(select(JournalEntry).where(JournalEntry.source_id == source_id))
    return {e.fact: {codes[p.account_id]: p.amount_minor for p in e.postings} for e in entries}


def mail(settings: Settings, template: str) -> EmailMessage:
    """The message of that kind, as the file office wrote it."""
    row = session().scalars(select(Mail).where(Mail.template == template)).one()
    content = (settings.quittance_data_dir / "mails" / f"{row.id}.eml").read_bytes()
    return message_from_bytes(content, policy=email.policy.default)  # type: ignore[arg-type]


def test_a_sale_is_invoiced_taxed_charged_booked_and_answered_for(shop: Shop, at: datetime) -> None:
    customer_id = shop.buyer("tok_ok", external_id="crm-7")
    subscription_id = shop.sell(customer_id, quantity=3)
    run_due(at)

    [invoice] = invoices_of(subscription_id)
    [line] = invoice.lines
    assert (invoice.number, invoice.status) == ("INV-000001", "paid")
    assert (line.quantity, line.amount_minor, line.tax_minor) == (3, 3 * 20_00, 7_80)
    assert (invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor) == (60_00, 7_80, 67_80)
    assert [(t["name"], t["rate"], t["registration_number"]) for t in invoice.taxes] == [("HST", "13", REGISTRATION)]
    assert (invoice.period_start, invoice.period_end) == (at, FEBRUARY)

    [payment] = payments_of(invoice.id)
    assert (payment.status, payment.amount) == ("succeeded", Money(67_80, "CAD"))
    assert postings(invoice.id) == {
        "invoice_finalized": {"accounts_receivable": 67_80, "sales_revenue": -60_00, "tax_payable": -7_80}
    }
    assert postings(payment.id) == {"payment_succeeded": {"gateway_clearing": 67_80, "accounts_receivable": -67_80}}
    assert_books_agree(shop.bank)

    subscription = fresh(Subscription, subscription_id)
    assert (subscription.status, subscription.activated_at, subscription.next_billing_at) == ("active", at, FEBRUARY)
    answer = access.of("crm-7", at)
    assert (answer["access"], answer["reason"], answer["paid"]) == ("active", "paid", True)
    assert answer["evidence"] == {"invoice": invoice.id, "payment": payment.id}


def test_the_pdf_shows_number_seller_registration_buyer_and_totals(shop: Shop, at: datetime) -> None:
    invoice = invoices_of(shop.sell(shop.buyer(), quantity=3))[0]
    run_due(at)
    kept = documents.find(invoice.id)
    assert kept is not None
    paper = PdfReader(BytesIO(documents.content(kept))).pages[0].extract_text()
    for words in ("INV-000001", "Acme Inc.", REGISTRATION, "Foxglove Farm", "Guelph ON N1H 3A1", "Basic"):
        assert words in paper
    for amount in ("$60.00", "$7.80", "$67.80"):
        assert amount in paper


def test_the_pdf_is_made_once(shop: Shop, at: datetime) -> None:
    invoice = invoices_of(shop.sell(shop.buyer()))[0]
    run_due(at)
    first = documents.find(invoice.id)
    assert first is not None
    assert documents.invoice_pdf(invoice.id, FEBRUARY).id == first.id


def test_the_customer_gets_the_invoice_with_its_pdf_and_a_receipt(shop: Shop, at: datetime, settings: Settings) -> None:
    shop.sell(shop.buyer())
    run_due(at)
    invoice, receipt = mail(settings, "invoice"), mail(settings, "receipt")
    assert (invoice["To"], invoice["Reply-To"]) == ("farm@foxglove.example", "billing@acme.example")
    assert invoice["Subject"] == "Invoice INV-000001 from Acme"
    [attached] = invoice.iter_attachments()
    assert attached.get_filename() == "INV-000001.pdf"
    assert attached.get_content().startswith(b"%PDF")
    assert "invoice INV-000001 over $22.60 is paid" in receipt.get_body(("plain",)).get_content()


def test_next_month_it_renews_by_itself(shop: Shop, at: datetime) -> None:
    subscription_id = shop.sell(shop.buyer())
    run_due(at)
    run_due(FEBRUARY)
    assert [(i.number, i.status, i.total_minor) for i in invoices_of(subscription_id)] == [
        ("INV-000001", "paid", 22_60),
        ("INV-000002", "paid", 22_60),
    ]
    assert balance("sales_revenue") == -2 * 20_00
    assert balance("tax_payable") == -2 * 2_60
    assert_books_agree(shop.bank)


def test_every_step_is_told_as_an_event_in_order(shop: Shop, at: datetime) -> None:
    customer_id = shop.customer()
    shop.method(customer_id)
    shop.sell(customer_id)
    run_due(at)
    told = session().execute(select(Event.seq, Event.type).order_by(Event.seq)).all()
    assert [seq for seq, _ in told] == list(range(1, len(told) + 1))
    assert [name for _, name in told][-5:] == [
        "subscription.created",
        "invoice.finalized",
        "payment.succeeded",
        "invoice.paid",
        "subscription.activated",
    ]
