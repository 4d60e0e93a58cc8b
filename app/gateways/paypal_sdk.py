"""PayPal's SDK: one client for an account and a process, and what it raises, in our words."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import requests
from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.exceptions.api_exception import ApiException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials, OAuth2
from paypalserversdk.models.o_auth_token import OAuthToken
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, OutcomeUnknown, RateLimited
from app.gateways.paypal_words import USED_BEFORE, Json
from app.gateways.sessions import LastingSession
from app.gateways.transport import never_sent, wait_of

LIVE = "https://api-m.paypal.com"
SANDBOX = "https://api-m.sandbox.paypal.com"
CONNECT_SECONDS = 3
# Refused before anything was done; 409 and 5xx say nothing about what was done.
_REFUSED = (400, 401, 403, 404, 405, 413, 415, 422)


class _At(Configuration):  # type: ignore[misc]
    """The SDK has no parameter for an address."""

    def __init__(self, base_url: str, **settings: Any) -> None:
        self._base_url = base_url
        super().__init__(**settings)

    def get_base_uri(self, server: Server = Server.DEFAULT) -> str:
        return self._base_url


@lru_cache(maxsize=128)
def client_of(client_id: str, client_secret: str, base_url: str, timeout: int) -> PaypalServersdkClient:
    """The client of an account; `timeout` in seconds. It never tries again by itself: that is for us to decide."""
    return PaypalServersdkClient(
        config=_At(
            base_url,
            http_client_instance=LastingSession(),
            timeout=(min(CONNECT_SECONDS, timeout), timeout),
            max_retries=0,
            environment=Environment.PRODUCTION,
            client_credentials_auth_credentials=ClientCredentialsAuthCredentials(
                client_id, client_secret, o_auth_token_provider=_Tokens()
            ),
        )
    )


class _Tokens:
    """Asks for an access token, once for all threads. Without one nothing was executed, whatever went wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: OAuthToken | None = None

    def __call__(self, _last: OAuthToken | None, auth: OAuth2) -> OAuthToken:
        with self._lock:
            if self._token is None or auth.is_token_expired(self._token):
                self._token = _new_token(auth)
            return self._token


def _new_token(auth: OAuth2) -> OAuthToken:
    try:
        return auth.fetch_token()
    except ApiException as error:
        if error.response_code == 429:
            raise _rate_limited(error) from None
        if error.response_code in _REFUSED:
            raise GatewayRefused("PayPal refused the client ID and secret.") from None
        raise GatewayUnavailable(f"PayPal gave no access token: status {error.response_code}.") from None
    except Exception as error:  # whatever became of the answer
        raise GatewayUnavailable(f"PayPal gave no access token: {type(error).__name__}.") from None


@contextmanager
def calling(fit_to_say: Callable[[str], str], no_answer: type[GatewayError] = OutcomeUnknown) -> Iterator[None]:
    """Call PayPal in this block. What is neither refused nor surely unsent is raised as `no_answer`.

    `fit_to_say` takes our secrets out of PayPal's sentences. The SDK's own exception is left behind, because it holds
    the request with our access token.
    """
    try:
        yield
    except requests.RequestException as error:
        kind = GatewayUnavailable if never_sent(error) else no_answer
        raise kind(f"PayPal gave no answer: {type(error).__name__}.") from None
    except ApiException as error:
        raise _failure(error, fit_to_say, no_answer) from None


def said(call: Callable[..., Any], *arguments: Any) -> Json:
    """What PayPal answers, as it came: the SDK's own objects lose fields that it does not know.

    Raises OutcomeUnknown for an answer that cannot be read.
    """
    try:
        text = call(*arguments).text
        answer = json.loads(text) if text else {}
    except (ApiException, requests.RequestException, GatewayError):
        raise
    except Exception as error:  # the SDK tries every parser it finds, and each stumbles in its own way
        raise OutcomeUnknown(f"PayPal's answer cannot be read: {type(error).__name__}.") from None
    if not isinstance(answer, dict):
        raise OutcomeUnknown("PayPal's answer is no object.")
    return answer


def plainly(client: PaypalServersdkClient, path: str) -> requests.Response:
    """Ask for what the SDK leaves out (disputes), with its address, its token and its session."""
    auth: OAuth2 = client.oauth_2
    auth.is_valid()  # which is how the SDK comes to its token
    http = client.config.http_client
    answer: requests.Response = http.session.get(
        client.config.get_base_uri() + path,
        headers={"Authorization": f"Bearer {auth._o_auth_token.access_token}"},
        timeout=http.timeout,
    )
    if answer.status_code != 200:
        raise ApiException(answer.reason, answer)
    return answer


def if_there(call: Callable[..., Any], *arguments: Any) -> Json | None:
    """What a call retrieves; None when PayPal has no such object."""
    try:
        return said(call, *arguments)
    except ApiException as error:
        if error.response_code != 404:
            raise
        return None


def issues(error: ApiException) -> list[str]:
    """The issues of an error document, the name of the error itself last."""
    body = _body(error)
    named = [str(detail.get("issue") or "") for detail in body.get("details") or []]
    return [*filter(None, named), str(body.get("name") or "")]


def _body(error: ApiException) -> Mapping[str, Any]:
    try:
        body = json.loads(error.response.text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _failure(error: ApiException, fit_to_say: Callable[[str], str], no_answer: type[GatewayError]) -> GatewayError:
    if error.response_code == 429:
        return _rate_limited(error)
    told = issues(error)
    if error.response_code == 401:
        client_of.cache_clear()
        return GatewayUnavailable("PayPal took back our access token before its time: the next call asks for another.")
    if USED_BEFORE & set(told):
        return OutcomeUnknown("PayPal has had our key before: what it stands for is to be asked.")
    if error.response_code in _REFUSED:
        sentence = f"PayPal refused: {', '.join(filter(None, told))}. {_body(error).get('message') or ''}"
        return GatewayRefused(fit_to_say(sentence.strip()))
    return no_answer(f"PayPal gave no answer: status {error.response_code}.")


def _rate_limited(error: ApiException) -> RateLimited:
    return RateLimited("PayPal takes no more requests for now.", wait_of(error.response.headers))
