"""PayPal: the methods in an account's vault, and the account itself."""

from contextlib import AbstractContextManager

from paypalserversdk.exceptions.api_exception import ApiException
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

from app.gateways import paypal_words as words
from app.gateways.base import Gateway
from app.gateways.errors import GatewayError, GatewayRefused, MethodRefused, OutcomeUnknown
from app.gateways.paypal_sdk import LIVE, calling, client_of, if_there, issues, said
from app.gateways.types import NextAction, Redirect, SavedMethod, SaveMethodRequest, SetupRequest


class PaypalMethods(Gateway):
    """A kept method's token is `paypal/ID`, `venmo/ID` or `card/ID`, because a charge has to say what it charges."""

    def begin_setup(self, request: SetupRequest) -> NextAction:
        """A page at PayPal on which the payer allows later charges to their wallet; nothing is charged."""
        wallet = {"usage_type": "MERCHANT", "experience_context": experience(request.return_url)}
        body = {"payment_source": {"paypal": wallet}, "customer": {"merchant_customer_id": request.payer.customer_id}}
        with self._calling():
            setup = said(self._client.vault.create_setup_token, {"body": body, "paypal_request_id": request.key})
        return Redirect(next(link["href"] for link in setup["links"] if link["rel"] == "approve"))

    def save_method(self, request: SaveMethodRequest) -> SavedMethod:
        """Keep what a setup token stands for, once its owner has approved it.

        Raises MethodRefused when PayPal or a bank says no, GatewayRefused when another customer left the method.
        """
        with self._calling():
            setup = said(self._client.vault.get_setup_token, request.token)
            if (setup.get("customer") or {}).get("merchant_customer_id") != request.payer.customer_id:
                raise GatewayRefused("Another customer left this payment method.")
            body = {"payment_source": {"token": {"id": request.token, "type": "SETUP_TOKEN"}}}
            try:
                kept = said(
                    self._client.vault.create_payment_token,
                    {"body": body, "paypal_request_id": f"{request.token}-keep"},
                )
            except ApiException as error:
                raise MethodRefused(words.decline(*declines(error))) from None
            return words.method(kept)

    def fetch_method(self, token: str) -> SavedMethod | None:
        """A kept method as it is now. Payers take back their permission at PayPal, and then it is gone."""
        with self._calling():
            kept = if_there(self._client.vault.get_payment_token, token.partition("/")[2])
        return words.method(kept) if kept else None

    def forget_method(self, token: str) -> None:
        """Take a kept method out of the vault."""
        with self._calling():
            if_there(self._client.vault.delete_payment_token, token.partition("/")[2])

    # Requests

    @property
    def _client(self) -> PaypalServersdkClient:
        base_url = self.secrets.get("base_url") or LIVE
        return client_of(self.secrets["client_id"], self.secrets["client_secret"], base_url, self.timeout)

    def _calling(self, no_answer: type[GatewayError] = OutcomeUnknown) -> AbstractContextManager[None]:
        return calling(self._without_secrets, no_answer)


def declines(error: ApiException) -> list[str]:
    """The codes of an error that is the payer's or a bank's no. Raises the error when it is none."""
    codes = issues(error)
    known = error.response_code in (404, 422) and any(code in words.DECLINES for code in codes)
    if not known:
        raise error
    return [code for code in codes if code in words.DECLINES]


def experience(return_url: str) -> words.Json:
    """Where payers come back to from PayPal's page, and what it leaves out."""
    return {"return_url": return_url, "cancel_url": return_url, "shipping_preference": "NO_SHIPPING"}
