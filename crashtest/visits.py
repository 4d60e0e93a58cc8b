"""What people, programs and gateways ask of the real web server: the acts that it is there for, over HTTP."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import requests

from app.domain.money import Money
from app.services.ways import Hosted
from crashtest import acts

SECONDS = 60
_HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_NAMED = re.compile(r'(name|value)="([^"]*)"')


class Visitor:
    """Whoever asks. `links` gives the path of an invoice's page and the one that a payer comes back to."""

    def __init__(self, api_key: str, page_of: Callable[[str], str], return_of: Callable[[str], str]) -> None:
        self._api_key, self._page_of, self._return_of = api_key, page_of, return_of

    def visit(self, url: str, act: acts.Act, words: tuple[Any, ...]) -> int:
        """Do the act by what is served at `url`; gives the status of the answer. Raises requests.RequestException
        when there is none."""
        return int(_VISITS[act](self, url, *words).status_code)

    def charge(self, url: str, invoice_id: str) -> requests.Response:
        """A program collects an invoice."""
        return self._post(f"{url}/v1/invoices/{invoice_id}/pay", invoice_id, {"off_session": True})

    def reserve(self, url: str, invoice_id: str, hosted: Hosted | None) -> requests.Response:
        """A program reserves the money for an invoice."""
        wish = {"invoice_id": invoice_id, "capture": "manual", "return_url": acts.BACK}
        how = {"hosted": {"gateway_account": hosted.account_id}, "off_session": False} if hosted else {}
        return self._post(f"{url}/v1/payments", f"{invoice_id}-reserve", wish | how)

    def capture(self, url: str, payment_id: str) -> requests.Response:
        """A program takes what is reserved."""
        return self._post(f"{url}/v1/payments/{payment_id}/capture", f"{payment_id}-capture", {})

    def void(self, url: str, payment_id: str) -> requests.Response:
        """A program gives up what is reserved."""
        return self._post(f"{url}/v1/payments/{payment_id}/void", f"{payment_id}-void", {})

    def show(self, url: str, invoice_id: str, hosted: Hosted) -> requests.Response:
        """A payer begins to pay an invoice on its page."""
        page = f"{url}{self._page_of(invoice_id)}"
        with requests.Session() as browser:
            shown = browser.get(page, timeout=SECONDS)
            form = {"choice": hosted.account_id, f"{hosted.account_id}-phone": hosted.phone}
            form |= {f"{hosted.account_id}-asset": hosted.choice or "ETH", **_hidden(shown.text)}
            return browser.post(page, data=form, timeout=SECONDS, allow_redirects=False)

    def fill_in(self, url: str, invoice_id: str, payment_id: str, token: str) -> requests.Response:
        """A payer sends the gateway's form on our page."""
        page = f"{url}{self._page_of(invoice_id)}/payments/{payment_id}"
        with requests.Session() as browser:
            form = _hidden(browser.get(page, timeout=SECONDS).text) | {"token": token}
            return browser.post(f"{page}/form", data=form, timeout=SECONDS, allow_redirects=False)

    def come_back(self, url: str, payment_id: str, answer: Mapping[str, str]) -> requests.Response:
        """A payer comes back from the gateway's page."""
        path = f"{self._return_of(payment_id)}?{urlencode(answer)}"
        return requests.get(f"{url}{path}", timeout=SECONDS, allow_redirects=False)

    def refund(self, url: str, payment_id: str, amount: Money) -> requests.Response:
        """A program sends some of a payment back."""
        wish = {"amount": str(amount.amount)}
        return self._post(f"{url}/v1/payments/{payment_id}/refunds", f"{payment_id}-{amount}", wish)

    def take(self, url: str, path: str, headers: Mapping[str, str], body: bytes) -> requests.Response:
        """A gateway sends a webhook."""
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
        return requests.post(f"{url}{path}", data=body, headers=kept, timeout=SECONDS)

    def _post(self, url: str, key: str, wish: Mapping[str, Any]) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._api_key}", "Idempotency-Key": key}
        return requests.post(url, json=wish, headers=headers, timeout=SECONDS)


def can_visit(act: acts.Act) -> bool:
    """Whether the web server is there for that."""
    return act in _VISITS


def _hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    fields = [dict(_NAMED.findall(field)) for field in _HIDDEN.findall(page)]
    return {field["name"]: field.get("value", "") for field in fields if "name" in field}


_VISITS: Mapping[acts.Act, Callable[..., requests.Response]] = {
    acts.charge: Visitor.charge,
    acts.show: Visitor.show,
    acts.reserve: Visitor.reserve,
    acts.capture: Visitor.capture,
    acts.void: Visitor.void,
    acts.come_back: Visitor.come_back,
    acts.fill_in: Visitor.fill_in,
    acts.refund: Visitor.refund,
    acts.take: Visitor.take,
}
