"""Adyen: the methods that an account keeps of its shoppers, the links they are left on, and the account itself."""

from contextlib import AbstractContextManager

from Adyen.exceptions import AdyenAPIResponseError
from Adyen.services import AdyenCheckoutApi

from app.gateways import adyen_words as words
from app.gateways.adyen_sdk import calling, checkout_of, code, said
from app.gateways.base import Gateway
from app.gateways.errors import GatewayError, GatewayRefused, OutcomeUnknown
from app.gateways.types import NextAction, Payer, Redirect, SavedMethod, SaveMethodRequest, SetupRequest

NO_SUCH_METHOD = "803"  # PaymentDetail not found
UNSCHEDULED = "UnscheduledCardOnFile"


class AdyenMethods(Gateway):
    """A kept method's token is `shopper/ID`, because Adyen charges a method together with its shopper."""

    def begin_setup(self, request: SetupRequest) -> NextAction:
        """A link for an amount of nothing, on which the payer leaves a method."""
        nothing = {"value": 0, "currency": request.currency}
        body = self._link_body(request.key, nothing, request.payer, _with_token(request), stores="enabled")
        with self._calling():
            return Redirect(said(self._checkout.payment_links_api.payment_links, body, key=request.key)["url"])

    def save_method(self, request: SaveMethodRequest) -> SavedMethod:
        """The method of that ID, or else the one that the payer left last. GatewayRefused when they left none."""
        with self._calling():
            stored = self._stored(request.payer.customer_id)
        named = [told for told in stored if told["id"] == request.token.rpartition("/")[2]]
        found = max(named or stored, key=lambda told: told.get("createdAt") or "", default=None)
        if found is None:
            raise GatewayRefused("Adyen keeps no payment method of this customer.")
        return words.method(request.payer.customer_id, found)

    def fetch_method(self, token: str) -> SavedMethod | None:
        """A kept method as it is now, out of those of its shopper."""
        shopper, _, stored_id = token.partition("/")
        with self._calling():
            stored = self._stored(shopper)
        return next((words.method(shopper, told) for told in stored if told["id"] == stored_id), None)

    def forget_method(self, token: str) -> None:
        """Delete a kept method at Adyen."""
        shopper, _, stored_id = token.partition("/")
        query = {"merchantAccount": self.secrets["merchant_account"], "shopperReference": shopper}
        with self._calling():
            try:
                said(self._checkout.recurring_api.delete_token_for_stored_payment_details, stored_id, query=query)
            except AdyenAPIResponseError as error:
                if error.status_code != 404 and code(error) != NO_SUCH_METHOD:
                    raise

    # Requests

    @property
    def _checkout(self) -> AdyenCheckoutApi:
        live_prefix, base_url = self.secrets.get("live_prefix", ""), self.secrets.get("base_url", "")
        return checkout_of(self.secrets["api_key"], live_prefix, base_url, self.timeout)

    def _ours(self, **fields: object) -> words.Json:
        return {"merchantAccount": self.secrets["merchant_account"], **fields}

    def _link_body(self, reference: str, amount: words.Json, payer: Payer, back: str, *, stores: str) -> words.Json:
        body = self._ours(
            reference=reference,
            amount=amount,
            returnUrl=back,
            shopperReference=payer.customer_id,
            shopperEmail=payer.email,
            storePaymentMethodMode=stores,
        )
        return body if stores == "disabled" else body | {"recurringProcessingModel": UNSCHEDULED}

    def _stored(self, shopper: str) -> list[words.Json]:
        query = {"merchantAccount": self.secrets["merchant_account"], "shopperReference": shopper}
        told = said(self._checkout.recurring_api.get_tokens_for_stored_payment_details, query=query)
        stored: list[words.Json] = told.get("storedPaymentMethods") or []
        return stored

    def _calling(self, no_answer: type[GatewayError] = OutcomeUnknown) -> AbstractContextManager[None]:
        return calling(self._without_secrets, no_answer)


def _with_token(request: SetupRequest) -> str:
    """Where a payer comes back to from leaving a method. Adyen adds nothing, so the token is our own key."""
    return f"{request.return_url}{'&' if '?' in request.return_url else '?'}token={request.key}"
