"""The first page: what needs somebody's attention, then how business goes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from babel.dates import format_date
from flask import Response, request, url_for

from app import clock
from app.domain.money import Money
from app.permissions import Permission
from app.queries import deposits, disputes, fraud, inbox, lists, reconciliation, records
from app.queries.filters import Listed
from app.services.figures import Figures, figures
from app.services.formats import safe_locale
from app.web.admin.blueprint import pages
from app.web.auth_guard import person, requires
from app.web.charts import Chart, plot
from app.web.formats import money
from app.web.rendering import render

SHOWN = 5


class Watched(NamedTuple):
    """A kind of trouble to look out for: its query and filters, and the page and address where all of it stands."""

    kind: str
    title: str
    icon: str
    query: Callable[..., Listed[Any]]
    filters: Mapping[str, str]
    page: str
    address: Mapping[str, Any]


class Concern(NamedTuple):
    """Trouble that there is: how much, the latest few, and where all of it stands."""

    watched: Watched
    total: int
    rows: Sequence[Any]
    url: str


HELD = {"status": "authorized"}
UNKNOWN, DEAD, GIVEN_UP = {"status": "unknown"}, {"state": "dead"}, {"state": "failed"}
OPEN = {"status": "open"}
FAILED = {"status": "open", "failed": "yes"}
TO_ANSWER = {"status": "open"}
SEND, TO_SEND = {"refund_to_send": "yes"}, {"status": "refund_to_send"}
TO_DECIDE = {"state": "to_decide"}
REFUND, DOUBT = {"refund_in_doubt": "yes"}, {"status": "refund_in_doubt"}
DIFFERS = {"state": "open"}
WATCHED = (
    Watched("dispute", "Disputes to answer", "bank", disputes.disputes, TO_ANSWER, "disputes.index", TO_ANSWER),
    Watched(
        "invoice", "Failed payments", "credit-card", lists.invoices, FAILED, "invoices.index", {"status": "failed"}
    ),
    Watched(
        "parked_invoice",
        "Invoices to look at",
        "receipt",
        lists.invoices,
        {"to_review": "yes"},
        "invoices.index",
        {"status": "parked"},
    ),
    Watched("payment", "No answer yet", "question-circle", lists.payments, UNKNOWN, "payments.index", UNKNOWN),
    Watched("payment", "Reserved, to be captured", "shield-check", lists.payments, HELD, "payments.index", HELD),
    Watched("payment", "Refunds in doubt", "arrow-counterclockwise", lists.payments, REFUND, "payments.index", DOUBT),
    Watched("payment", "Refunds to send from a wallet", "wallet2", lists.payments, SEND, "payments.index", TO_SEND),
    Watched(
        "deposit",
        "Deposits to decide about",
        "currency-exchange",
        deposits.deposits,
        TO_DECIDE,
        "deposits.index",
        TO_DECIDE,
    ),
    Watched(
        "gateway_account",
        "Gateways not reached",
        "plug",
        lists.paused_accounts,
        {},
        "gateway_accounts.index",
        {},
    ),
    Watched(
        "subscription",
        "Set aside for review",
        "pause-circle",
        lists.subscriptions,
        {"parked": "yes"},
        "subscriptions.index",
        {"status": "parked"},
    ),
    Watched(
        "difference",
        "Gateways say otherwise",
        "check2-all",
        reconciliation.differences,
        DIFFERS,
        "differences.index",
        DIFFERS,
    ),
    Watched("review", "Payments to look at", "shield-exclamation", fraud.reviews, OPEN, "fraud.index", OPEN),
    Watched("task", "Work laid aside", "cpu", records.tasks, DEAD, "tasks.index", DEAD),
    Watched("notice", "Webhooks laid aside", "inbox", inbox.notices, DEAD, "webhooks.index", DEAD),
    Watched("mail", "Mails not sent", "envelope-exclamation", records.mails, GIVEN_UP, "mails.index", GIVEN_UP),
)


@pages.get("/")
@requires(Permission.VIEW)
def home() -> Response:
    """The first page."""
    now = clock.now()
    found = figures(now, request.args.get("currency"))
    return render("admin/home.html", figures=found, chart=_chart(found), concerns=_concerns(), now=now)


def _concerns() -> list[Concern]:
    """Only those that there are."""
    concerns = [_concern(watched) for watched in WATCHED]
    return [concern for concern in concerns if concern.total]


def _concern(watched: Watched) -> Concern:
    found = watched.query(watched.filters, limit=SHOWN)
    total = found.count() if found.next_cursor else len(found.items)
    return Concern(watched, total, found.items, url_for(f"admin.{watched.page}", **watched.address))


def _chart(found: Figures) -> Chart:
    locale, currency = safe_locale(person().locale), found.currency
    values = [(format_date(first, "MMM y", locale), amount.minor) for first, amount in found.months]
    return plot(
        f"Revenue by month in {currency}",
        "Money received in each of the last twelve months, less refunds.",
        values,
        lambda minor: money(Money(minor, currency)),
    )
