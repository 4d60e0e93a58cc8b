"""Adyen's SDK: one client for an account and a process, and what it raises, in our words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
from Adyen.client import AdyenClient
from Adyen.exceptions import AdyenAPIResponseError, AdyenError
from Adyen.services import AdyenCheckoutApi

from app.gateways.adyen_words import Json
from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, OutcomeUnknown, RateLimited
from app.gateways.sessions import LastingSession
from app.gateways.transport import never_sent, wait_of

# Refused before anything was done; 409 and 5xx say nothing about what was done.
_REFUSED = (400, 401, 403, 404, 405, 413, 415, 422)
USED_BEFORE = "704"  # the key was used for another request, or that one is still under way


class _At(AdyenClient):  # type: ignore[misc]
    """The SDK has no parameter for an address, and lays a new line for every request."""

    def __init__(self, base_url: str, **settings: Any) -> None:
        super().__init__(**settings)
        self._base_url = base_url
        self._session = LastingSession()
        self._init_http_client()  # once, before threads share it
        self.http_client.request = self._send

    def _send(self, method: str, url: str, json: Json | None = None, **options: Any) -> tuple[str, Any, int, Any]:
        """As the SDK sends with `requests`: gives the text, what was sent, the status and the headers."""
        own = {"x-api-key": options["xapikey"], "User-Agent": self.http_client.user_agent}
        answer = self._session.request(
            method, url, json=json, headers={**options["headers"], **own}, timeout=self.http_timeout
        )
        return answer.text, json, answer.status_code, answer.headers

    def _determine_api_url(self, platform: str, endpoint: str) -> str:
        if not self._base_url:
            return str(super()._determine_api_url(platform, endpoint))
        return self._base_url.rstrip("/") + urlsplit(endpoint).path


@lru_cache(maxsize=128)
def checkout_of(api_key: str, live_prefix: str, base_url: str, timeout: int) -> AdyenCheckoutApi:
    """The Checkout API of an account: at `base_url`, else live with a prefix and test without; `timeout` in seconds."""
    platform = "live" if live_prefix else "test"
    client = _At(
        base_url, xapikey=api_key, platform=platform, live_endpoint_prefix=live_prefix or None, http_timeout=timeout
    )
    return AdyenCheckoutApi(client=client)


@contextmanager
def calling(fit_to_say: Callable[[str], str], no_answer: type[GatewayError] = OutcomeUnknown) -> Iterator[None]:
    """Call Adyen in this block. What is neither refused nor surely unsent is raised as `no_answer`.

    `fit_to_say` takes our secrets out of Adyen's sentences. The SDK's own exception is left behind, because it holds
    the request.
    """
    try:
        yield
    except requests.RequestException as error:
        kind = GatewayUnavailable if never_sent(error) else no_answer
        raise kind(f"Adyen gave no answer: {type(error).__name__}.") from None
    except AdyenError as error:
        raise _failure(error, fit_to_say, no_answer) from None


def said(verb: Callable[..., Any], *arguments: Any, key: str | None = None, query: Json | None = None) -> Json:
    """What Adyen answers. Raises OutcomeUnknown for an answer that cannot be read: the SDK gives it as an empty one."""
    options: Json = {"query_parameters": query} if query else {}
    answer = verb(*arguments, idempotency_key=key, **options)
    if not isinstance(answer.message, dict) or not (answer.message or answer.status_code == 204):
        raise OutcomeUnknown("Adyen's answer cannot be read.")
    return answer.message


def code(error: AdyenAPIResponseError) -> str:
    """Adyen's own number for an error."""
    return str(error.error_code or "")


def _failure(error: AdyenError, fit_to_say: Callable[[str], str], no_answer: type[GatewayError]) -> GatewayError:
    if error.status_code == 429:
        return RateLimited("Adyen takes no more requests for now.", wait_of(error.headers))
    if str(error.error_code) == USED_BEFORE:
        return OutcomeUnknown("Adyen has had our key before: what it stands for is to be asked.")
    if error.status_code in _REFUSED:
        told = error.message.get("message", "") if isinstance(error.message, dict) else ""
        return GatewayRefused(fit_to_say(f"Adyen refused: {error.error_code or error.status_code}. {told}".strip()))
    return no_answer(f"Adyen gave no answer: status {error.status_code}.")
