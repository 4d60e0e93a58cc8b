"""Stripe's SDK: one client for an account and a process, and what it raises, in our words."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import stripe

from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, OutcomeUnknown, RateLimited
from app.gateways.sessions import LastingSession
from app.gateways.stripe_words import Json
from app.gateways.transport import never_sent, wait_of

LIVE = "https://api.stripe.com"
CONNECT_SECONDS = 3
INTENTS, PAGES = "/v1/payment_intents", "/v1/checkout/sessions"
Found = TypeVar("Found", bound=stripe.StripeObject)
stripe.enable_telemetry = False


@lru_cache(maxsize=128)
def client_of(api_key: str, base_url: str, timeout: int) -> stripe.StripeClient:
    """The client of an account; `timeout` in seconds. It never tries again by itself: that is for us to decide."""
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": base_url},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=(min(CONNECT_SECONDS, timeout), timeout), session=LastingSession()),
    )


def create(client: stripe.StripeClient, path: str, params: Mapping[str, Any], key: str) -> Json:
    """Have something made, once for a key; gives what Stripe answers as it came, because objects of the SDK would be
    made of it only to be taken apart again."""
    answer: Json = client.raw_request("post", path, **params, idempotency_key=key).data
    return answer


@contextmanager
def calling(fit_to_say: Callable[[str], str], no_answer: type[GatewayError] = OutcomeUnknown) -> Iterator[None]:
    """Call Stripe in this block. What is neither refused nor surely unsent is raised as `no_answer`.

    `fit_to_say` takes our secrets out of Stripe's sentences. The SDK's own exception is left behind, because it holds
    the request.
    """
    try:
        yield
    except stripe.RateLimitError as error:
        raise RateLimited("Stripe takes no more requests for now.", wait_of(error.headers)) from None
    except (stripe.AuthenticationError, stripe.PermissionError, stripe.InvalidRequestError) as error:
        raise GatewayRefused(fit_to_say(f"Stripe refused: {error.user_message}")) from None
    except stripe.StripeError as error:
        kind = GatewayUnavailable if never_sent(error) else no_answer
        raise kind(f"Stripe gave no answer: {type(error).__name__}.") from None


def told(error: stripe.StripeError) -> Json:
    """The error document of an answer."""
    body = error.json_body if isinstance(error.json_body, dict) else {}
    return body.get("error") or {}


def if_there(retrieve: Callable[[], Found]) -> Found | None:
    """What a call retrieves; None when Stripe has no such object."""
    try:
        return retrieve()
    except stripe.InvalidRequestError as error:
        if error.code != "resource_missing":
            raise
        return None
