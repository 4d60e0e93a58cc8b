"""Square's SDK: one client for an account and a process, and what it raises, in our words."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import httpx
from square import Square
from square.core.api_error import ApiError
from square.core.request_options import RequestOptions

from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, OutcomeUnknown, RateLimited
from app.gateways.square_words import Json
from app.gateways.transport import wait_of

Found = TypeVar("Found")
LIVE = "https://connect.squareup.com"
SANDBOX = "https://connect.squareupsandbox.com"
ONCE: RequestOptions = {"max_retries": 0}  # trying again is for us to decide
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
# Refused before anything was done; 408, 409 and 5xx say nothing about what was done.
_REFUSED = (400, 401, 403, 404, 405, 410, 413, 415, 422)


@lru_cache(maxsize=128)
def client_of(access_token: str, base_url: str, timeout: int) -> Square:
    """The client of an account; `timeout` in seconds."""
    http = httpx.Client(timeout=timeout, verify=_trusted())
    return Square(token=access_token, base_url=base_url, httpx_client=http)


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """The authorities we trust, read once: that takes longer than a call and a megabyte for each client."""
    return httpx.create_ssl_context()


@contextmanager
def calling(fit_to_say: Callable[[str], str], no_answer: type[GatewayError] = OutcomeUnknown) -> Iterator[None]:
    """Call Square in this block. What is neither refused nor surely unsent is raised as `no_answer`.

    `fit_to_say` takes our secrets out of Square's sentences. The SDK's own exception is left behind, because it holds
    the answer as it came.
    """
    try:
        yield
    except _NEVER_SENT:
        raise GatewayUnavailable("Square cannot be reached.") from None
    except httpx.HTTPError as error:
        raise no_answer(f"Square gave no answer: {type(error).__name__}.") from None
    except ApiError as error:
        raise _failure(error, fit_to_say, no_answer) from None


def create_payment(client: Square, wish: Json) -> Json:
    """Have a payment made; gives it as Square tells it, because objects of the SDK would be made of it only to be taken
    apart again. Raises OutcomeUnknown for an answer without one."""
    http = client._client_wrapper.httpx_client
    answer = http.request("v2/payments", method="POST", json=wish, request_options=ONCE)
    try:
        told = answer.json()
    except ValueError:
        told = answer.text
    if not answer.is_success:
        raise ApiError(status_code=answer.status_code, headers=dict(answer.headers), body=told)
    if not isinstance(told, dict) or not told.get("payment"):
        raise OutcomeUnknown("Square's answer lacks what was asked for.")
    payment: Json = told["payment"]
    return payment


def codes(error: ApiError) -> list[str]:
    """The codes of an error document."""
    return [str(fault.code) for fault in error.errors]


def body(error: ApiError) -> Json:
    """The error document itself: a declined payment comes along in it."""
    return error.body if isinstance(error.body, dict) else {}


def if_there(retrieve: Callable[[], Found]) -> Found | None:
    """What a call retrieves; None when Square has no such object."""
    try:
        return retrieve()
    except ApiError as error:
        if error.status_code != 404:
            raise
        return None


def _failure(error: ApiError, fit_to_say: Callable[[str], str], no_answer: type[GatewayError]) -> GatewayError:
    if error.status_code == 429:
        return RateLimited("Square takes no more requests for now.", wait_of(error.headers))
    if error.status_code in _REFUSED and "IDEMPOTENCY_KEY_REUSED" not in codes(error):
        said = "; ".join(f"{fault.code}: {fault.detail}" for fault in error.errors)
        return GatewayRefused(fit_to_say(f"Square refused: {said}"))
    return no_answer(f"Square gave no answer: status {error.status_code}.")


def plain(model: Any) -> Json:
    """An object of the SDK as it came. Raises OutcomeUnknown for an answer without it."""
    if model is None:
        raise OutcomeUnknown("Square's answer lacks what was asked for.")
    as_it_came: Json = model.dict()
    return as_it_came
