"""Routing rules in the hands of staff: added, tried with a question, removed; and the breaker where people look."""

import re
from datetime import timedelta

import pytest

from app.clock import now
from app.db import transaction
from app.models import GatewayAccount
from app.queries import routing as query
from app.queries.base import get
from app.services import gateway_accounts
from tests.web.admin.desk import Desk, World, words


@pytest.fixture
def second(desk: Desk, world: World) -> str:
    """Another account, beside the one whose only rule is about Canadian dollars."""
    with desk.inside(), transaction():
        return gateway_accounts.create(
            "Second", "sandbox", {"api_key": "sandbox_2", "page_url": "http://b"}, desk.at
        ).id


def takers(page: str) -> list[str]:
    found = re.search(r'<ol id="takers">(.*?)</ol>', page, re.DOTALL)
    return re.findall(r"<a [^>]*>([^<]*)</a>", found[1]) if found else []


def test_a_rule_is_added_asked_about_and_removed(desk: Desk, second: str) -> None:
    ask = "/admin/routing/?amount=50.00&currency=CAD&country=CA"
    assert takers(desk.get(ask)) == ["Sandbox", "Second"]
    typed = {"account": second, "currency": "CAD", "least": "40", "most": "60", "position": "1", "weight": "1"}
    desk.does("/admin/routing/new", {**typed, "position": "1"}, action="/admin/routing/")
    with desk.inside():
        rule = query.rules()[-1].id
    page = desk.does(f"/admin/routing/{rule}/removal")
    assert "The rule was removed" in page
    desk.does("/admin/routing/new", {**typed, "least": "", "most": "49.99"}, action="/admin/routing/")
    assert takers(desk.get(ask)) == ["Sandbox"]
    assert takers(desk.get(ask.replace("50.00", "10.00")))[:1] in (["Sandbox"], ["Second"])
    assert takers(desk.get("/admin/routing/?amount=1&currency=USD")) == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"least": "10"}, "currency"),
        ({"currency": "CAD", "least": "10", "most": "5"}, "The most is less than the least."),
        ({"weight": "0"}, "Weight is a whole number from 1 to 1,000."),
        ({"account": "gac_01h455vb4pex5vsknk084sn02q"}, "Not a valid choice"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_at_its_field(
    desk: Desk, second: str, typed: dict[str, str], said: str
) -> None:
    given = {"account": second, "position": "1", "weight": "1", **typed}
    assert said in words(desk.refused("/admin/routing/new", given))


def test_a_gateway_that_cannot_be_reached_is_told_of_at_home_and_on_its_page(desk: Desk, world: World) -> None:
    account = f"/admin/gateway-accounts/{world.account_id}"
    assert "Closed" in words(desk.get(account))
    with desk.inside(), transaction():
        row = get(GatewayAccount, world.account_id)
        row.failures, row.paused_until = 6, now() + timedelta(minutes=1)
    assert "Open 6 calls failed in a row · left alone until" in words(desk.get(account))
    assert "Gateways not reached" in words(desk.get("/admin/"))
