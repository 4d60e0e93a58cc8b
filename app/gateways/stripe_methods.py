"""Stripe: the methods that an account keeps, the customers whom they belong to, and the account itself."""

from contextlib import AbstractContextManager

import stripe

from app.gateways import stripe_words as words
from app.gateways.base import Gateway
from app.gateways.errors import GatewayError, GatewayRefused, MethodRefused, OutcomeUnknown
from app.gateways.stripe_sdk import LIVE, calling, client_of, if_there, told
from app.gateways.types import ClientToken, NextAction, Payer, Redirect, SavedMethod, SaveMethodRequest, SetupRequest

OFF_SESSION_USAGE = "off_session"


class StripeMethods(Gateway):
    """A kept method's token is `customer/method`, because Stripe charges a method together with its customer."""

    def begin_setup(self, request: SetupRequest) -> NextAction:
        """The form or a page on which the payer leaves a method; nothing is charged."""
        verb = self._setup_form if request.by_form and self._public_key else self._setup_page
        with self._calling():
            return verb(request, self._customer(request.payer))

    def save_method(self, request: SaveMethodRequest) -> SavedMethod:
        """Keep what a form or page gave: `cs_…` or `seti_…` of a finished setup, or a fresh `pm_…`.

        Raises MethodRefused when the bank says no, GatewayRefused when another customer left the method.
        """
        with self._calling():
            customer = self._customer(request.payer)
            setup = self._finished_setup(request.token, customer).to_dict()
            if setup["customer"] != customer:
                raise GatewayRefused("Another customer left this payment method.")
            if setup["status"] != "succeeded":
                raise MethodRefused(words.decline(setup["last_setup_error"] or {"code": "authentication_required"}))
            return words.method(setup["payment_method"])

    def fetch_method(self, token: str) -> SavedMethod | None:
        """A kept method as it is now: Stripe's card updater may have replaced the card."""
        with self._calling():
            method = if_there(lambda: self._client.v1.payment_methods.retrieve(words.parts_of(token)[1]))
            return words.method(method.to_dict()) if method and method.customer else None

    def forget_method(self, token: str) -> None:
        """Detach a kept method from its customer; Stripe never attaches it again."""
        if self.fetch_method(token):
            with self._calling():
                self._client.v1.payment_methods.detach(words.parts_of(token)[1])

    # Requests

    @property
    def _client(self) -> stripe.StripeClient:
        return client_of(self.secrets["api_key"], self.secrets.get("base_url") or LIVE, self.timeout)

    @property
    def _public_key(self) -> str:
        return self.secrets.get("publishable_key", "")

    def _setup_form(self, request: SetupRequest, customer: str) -> ClientToken:
        setup = self._client.v1.setup_intents.create(
            {"customer": customer, "usage": OFF_SESSION_USAGE, "automatic_payment_methods": {"enabled": True}},
            {"idempotency_key": request.key},
        )
        return ClientToken(str(setup.client_secret), self._public_key)

    def _setup_page(self, request: SetupRequest, customer: str) -> Redirect:
        joint = "&" if "?" in request.return_url else "?"
        session = self._client.v1.checkout.sessions.create(
            {
                "mode": "setup",
                "customer": customer,
                "currency": request.currency.lower(),
                "success_url": f"{request.return_url}{joint}token={{CHECKOUT_SESSION_ID}}",
                "cancel_url": request.return_url,
            },
            {"idempotency_key": request.key},
        )
        return Redirect(str(session.url))

    def _finished_setup(self, token: str, customer: str) -> stripe.SetupIntent:
        """The setup behind a token. A fresh method is set up here and now, which is harmless to do twice."""
        if token.startswith("cs_"):
            token = str(self._client.v1.checkout.sessions.retrieve(token).setup_intent)
        if token.startswith("seti_"):
            return self._client.v1.setup_intents.retrieve(token, {"expand": ["payment_method"]})
        try:
            return self._client.v1.setup_intents.create(
                {
                    "customer": customer,
                    "payment_method": token,
                    "confirm": True,
                    "usage": OFF_SESSION_USAGE,
                    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                    "expand": ["payment_method"],
                }
            )
        except stripe.CardError as error:
            raise MethodRefused(words.decline(told(error))) from None

    def _customer(self, payer: Payer) -> str:
        """The payer's customer at Stripe, made if need be. Having two does no harm: each token names its own."""
        if payer.gateway_ref:
            return payer.gateway_ref
        known = self._client.v1.customers.list({"email": payer.email, "limit": 100})
        for customer in known.auto_paging_iter():
            if customer.to_dict()["metadata"].get("customer_id") == payer.customer_id:
                return customer.id
        about = {"customer_id": payer.customer_id}
        return self._client.v1.customers.create({"name": payer.name, "email": payer.email, "metadata": about}).id

    def _calling(self, no_answer: type[GatewayError] = OutcomeUnknown) -> AbstractContextManager[None]:
        return calling(self._without_secrets, no_answer)
