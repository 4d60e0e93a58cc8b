"""Plain HTTP and JSON, for gateways without an SDK of their own: one client, and what goes wrong in our words.

Every call waits a limited time, is sent once, and follows no redirect: trying again is for the services to decide. An
answer's numbers are read as `Decimal`, so that no amount of money is ever a float.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

import requests

from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, OutcomeUnknown, RateLimited
from app.gateways.sessions import LastingSession
from app.gateways.transport import never_sent, wait_of

Json = dict[str, Any]
Found = TypeVar("Found")
CONNECT_SECONDS = 5
# Refused before anything was done; 408, 409 and 5xx say nothing about what was done.
REFUSED = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422})
_MISWRITTEN = (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a gateway says is wrong: an HTTP status or what would be one, its own code, and its words for people."""

    status: int
    code: str = ""
    message: str = ""


class Refusal(GatewayRefused):
    """The gateway's own no, with its `status` and its `code`."""

    def __init__(self, message: str, fault: Fault) -> None:
        super().__init__(message)
        self.status = fault.status
        self.code = fault.code


@dataclass(frozen=True, slots=True)
class Client:
    """The calls of one account. `fault_in` finds what is wrong in a status and a body; `fit_to_say` blanks secrets."""

    title: str
    base_url: str
    timeout: int
    fault_in: Callable[[int, Any], Fault | None]
    fit_to_say: Callable[[str], str]

    def get(
        self,
        path: str,
        headers: Mapping[str, str],
        query: Mapping[str, Any] | None = None,
        *,
        no_answer: type[GatewayError] = OutcomeUnknown,
    ) -> Any:
        """Ask for something; gives the answer's JSON."""
        return self._call("GET", path, headers, query=query, no_answer=no_answer)

    def post(
        self,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | str,
        *,
        no_answer: type[GatewayError] = OutcomeUnknown,
    ) -> Any:
        """Have something done, with an object or with JSON that was written already; gives the answer's JSON."""
        return self._call("POST", path, headers, body=body, no_answer=no_answer)

    def _call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        no_answer: type[GatewayError],
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | str | None = None,
    ) -> Any:
        """Raises `no_answer` for whatever is neither refused nor surely unsent."""
        written = body if isinstance(body, str | None) else json.dumps(body)
        try:
            answer = _session(self.base_url).request(
                method,
                self.base_url.rstrip("/") + path,
                params=query,
                data=written.encode() if written is not None else None,
                headers={"Accept": "application/json", "Content-Type": "application/json", **headers},
                timeout=(min(CONNECT_SECONDS, self.timeout), self.timeout),
                allow_redirects=False,
            )
        except _MISWRITTEN:
            raise GatewayRefused(f"{self.title}'s address in the gateway account is not a web address.") from None
        except requests.RequestException as error:
            if never_sent(error):
                raise GatewayUnavailable(f"{self.title} cannot be reached.") from None
            raise no_answer(f"{self.title} gave no answer: {type(error).__name__}.") from None
        return self._read(answer, no_answer)

    def _read(self, answer: requests.Response, no_answer: type[GatewayError]) -> Any:
        if 300 <= answer.status_code < 400:
            raise GatewayRefused(f"{self.title}'s address leads elsewhere: enter the one that it leads to.")
        body = _json(answer)
        fault = self.fault_in(answer.status_code, body)
        if fault is None and (answer.status_code >= 400 or body is None):
            fault = Fault(answer.status_code)
        if fault:
            raise self._failure(fault, answer, no_answer) from None
        return body

    def _failure(self, fault: Fault, answer: requests.Response, no_answer: type[GatewayError]) -> GatewayError:
        if fault.status == 429:
            return RateLimited(f"{self.title} takes no more requests for now.", wait_of(answer.headers))
        if fault.status in REFUSED:
            said = ": ".join(word for word in (fault.code, fault.message) if word) or f"status {fault.status}"
            return Refusal(self.fit_to_say(f"{self.title} refused: {said}"), fault)
        return no_answer(f"{self.title} gave no answer: status {fault.status}.")


def if_there(retrieve: Callable[[], Found]) -> Found | None:
    """What a call retrieves; None when the gateway has no such thing."""
    try:
        return retrieve()
    except Refusal as refusal:
        if refusal.status != 404:
            raise
        return None


@lru_cache(maxsize=128)
def _session(_address: str) -> requests.Session:
    """The connections to one address."""
    return LastingSession()


def _json(answer: requests.Response) -> Any:
    """The body as JSON; None when it is none, and an empty object when there is nothing where nothing is needed."""
    try:
        return json.loads(answer.content, parse_float=Decimal) if answer.content else {}
    except ValueError:
        return None
