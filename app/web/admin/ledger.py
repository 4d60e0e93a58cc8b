"""The books: what stands on each account, and the entries behind it."""

from flask import Blueprint, Response

from app.domain.ledger import CHART, FACTS
from app.domain.money import sum_money
from app.models import JournalEntry
from app.permissions import Permission
from app.queries import books
from app.queries.base import get
from app.web.admin import listing
from app.web.admin.subjects import address_of, noun_of
from app.web.auth_guard import requires
from app.web.rendering import render

pages = Blueprint("ledger", __name__, url_prefix="/ledger")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """Every account with what was debited and credited, by currency."""
    balances = books.balances()
    currencies = sorted({balance.balance.currency for balance in balances})
    sections = [(one, [b for b in balances if b.balance.currency == one]) for one in currencies]
    totals = {
        one: (sum_money([b.debit for b in part], one), sum_money([b.credit for b in part], one))
        for one, part in sections
    }
    return render("admin/ledger/accounts.html", sections=sections, totals=totals)


@pages.get("/entries")
@requires(Permission.VIEW)
def entries() -> Response:
    """The journal."""
    filters = {**listing.asked("q", "fact", "account"), **listing.asked_days()}
    listed = books.entries(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list(
        "admin/ledger/entries.html",
        listed,
        ("entry", "entries"),
        sums=books.sums_of([row.id for row in listed.items]),
        facts=[(fact, fact_words(fact)) for fact in FACTS],
        accounts=[(code, account.name) for code, account in CHART.items()],
        fact_words=fact_words,
        address_of=address_of,
        noun_of=noun_of,
    )


@pages.get("/entries/<entry_id>")
@requires(Permission.VIEW)
def show(entry_id: str) -> Response:
    """An entry with its sides: debits equal credits."""
    row = get(JournalEntry, entry_id)
    sides = books.postings_of(entry_id)
    currency = sides[0][1].currency
    debits = [amount for _, amount in sides if amount.minor > 0]
    credits = [-amount for _, amount in sides if amount.minor < 0]
    return render(
        "admin/ledger/entry.html",
        entry=row,
        title=fact_words(row.fact),
        sides=sides,
        debit=sum_money(debits, currency),
        credit=sum_money(credits, currency),
        source=address_of(row.source_id),
        noun=noun_of(row.source_id),
    )


def fact_words(fact: str) -> str:
    """A fact of the books in words: `invoice_finalized` is “Invoice finalized”."""
    return fact.replace("_", " ").capitalize()
