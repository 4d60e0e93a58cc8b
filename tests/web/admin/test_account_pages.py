"""The page of a gateway account, for gateways that send webhooks: the address on it is the one they are taken at."""

import re
from urllib.parse import urlsplit

from app.db import transaction
from app.services import gateway_accounts
from simulators import simulator_class
from simulators.wire import served
from tests.web.admin.desk import Desk, World, words


def test_the_page_tells_where_webhooks_are_taken_and_tries_the_connection(desk: Desk, world: World) -> None:
    with served(simulator_class("stripe")()) as simulator:
        with desk.inside(), transaction():
            account_id = gateway_accounts.create("Stripe", "stripe", simulator.account(), desk.at).id
        page = f"/admin/gateway-accounts/{account_id}"
        found = re.search(r"https?://[^\s<\"]+/webhooks/stripe/[\w-]+", desk.get(page))
        assert found
        path = urlsplit(found[0]).path
        assert desk.client.post(path, data=b"{}").status_code == 400  # taken there, and not signed
        assert desk.client.post(f"{path}x", data=b"{}").status_code == 404
        assert "the connection works" in words(desk.press(page, f"{page}/connection-test"))
