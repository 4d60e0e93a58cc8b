"""Looking for anything: customers, invoices, subscriptions and payments at once, grouped."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Blueprint, Response, request, url_for

from app.permissions import Permission
from app.queries import lists
from app.queries.filters import Listed
from app.web.admin import listing
from app.web.auth_guard import requires
from app.web.rendering import announce, render, wants_fragment

pages = Blueprint("search", __name__, url_prefix="/search")

PER_GROUP = 5


class Group(NamedTuple):
    """What was found of one noun, and where all of it stands."""

    noun: str
    title: str
    found: Listed[Any]
    more_url: str | None


Lister = Callable[..., Listed[Any]]
# What is searched, in the order in which it is shown: noun, title, query, the list's page.
SEARCHED: tuple[tuple[str, str, Lister, str], ...] = (
    ("customer", "Customers", lists.customers, "admin.customers.index"),
    ("invoice", "Invoices", lists.invoices, "admin.invoices.index"),
    ("subscription", "Subscriptions", lists.subscriptions, "admin.subscriptions.index"),
    ("payment", "Payments", lists.payments, "admin.payments.index"),
)


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """What was found for `q`, a few of each noun: by name, address, number, gateway reference or id."""
    words = listing.asked("q")["q"]
    groups = [group for group in _groups(words) if group.found.items] if words else []
    if wants_fragment():
        count = sum(len(group.found.items) for group in groups)
        announce(f"{count} found" if words else "")
    panel = "admin/search/_panel.html" if "panel" in request.args else None
    return render("admin/search/list.html", fragment=panel, words=words, groups=groups)


def _groups(words: str) -> list[Group]:
    return [_group(words, *searched) for searched in SEARCHED]


def _group(words: str, noun: str, title: str, query: Lister, page: str) -> Group:
    found = query({"q": words}, limit=PER_GROUP)
    return Group(noun, title, found, url_for(page, q=words) if found.next_cursor else None)
