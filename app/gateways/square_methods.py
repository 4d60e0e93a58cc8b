"""Square: the cards that an account keeps, the customers whom they belong to, and the account itself."""

import re
from contextlib import AbstractContextManager
from hashlib import sha256

from square import Square
from square.core.api_error import ApiError

from app.gateways import square_words as words
from app.gateways.base import Gateway
from app.gateways.errors import GatewayError, GatewayRefused, MethodRefused, OutcomeUnknown
from app.gateways.square_form import NONCE
from app.gateways.square_sdk import LIVE, ONCE, body, calling, client_of, if_there, plain
from app.gateways.types import ClientToken, NextAction, Payer, SavedMethod, SaveMethodRequest, SetupRequest


class SquareMethods(Gateway):
    """A kept card's token is `customer/card`, because Square charges a card together with its customer."""

    def begin_setup(self, request: SetupRequest) -> NextAction:
        """Square keeps cards by its form alone."""
        if form := self._form_token():
            return form
        raise GatewayRefused("Square's card form needs the application ID: enter it in the gateway account.")

    def save_method(self, request: SaveMethodRequest) -> SavedMethod:
        """Keep the card behind a nonce of the form. Raises MethodRefused when the bank says no.

        Square would also keep the card of any payment, whoever made it; what a payer sends must not name one.
        """
        if not re.fullmatch(NONCE, request.token):
            raise GatewayRefused("This is not what Square's form gives.")
        with self._calling():
            return self._keep(request.token, self._customer(request.payer))

    def fetch_method(self, token: str) -> SavedMethod | None:
        """A kept card as it is now: Square's card updater may have replaced it."""
        with self._calling():
            answer = if_there(lambda: self._client.cards.get(words.parts_of(token)[1], request_options=ONCE))
            card = plain(answer.card) if answer else {}
            return words.method(card) if card.get("enabled") else None

    def forget_method(self, token: str) -> None:
        """Disable a kept card; Square never enables it again."""
        with self._calling():
            if_there(lambda: self._client.cards.disable(words.parts_of(token)[1], request_options=ONCE))

    # Requests

    @property
    def _client(self) -> Square:
        return client_of(self.secrets["access_token"], self.secrets.get("base_url") or LIVE, self.timeout)

    def _form_token(self) -> ClientToken | None:
        """What the form needs: the location and the application. Both may be seen by everybody."""
        application_id = self.secrets.get("application_id")
        return ClientToken(self.secrets["location_id"], application_id) if application_id else None

    def _customer(self, payer: Payer) -> str:
        """The payer's customer at Square, made if need be. Having two does no harm: each token names its own."""
        if payer.gateway_ref:
            return payer.gateway_ref
        known = self._client.customers.search(
            query={"filter": {"reference_id": {"exact": payer.customer_id}}}, limit=1, request_options=ONCE
        )
        if known.customers:
            return str(known.customers[0].id)
        made = self._client.customers.create(
            idempotency_key=_digest(payer.customer_id, payer.name, payer.email),
            given_name=payer.name,
            email_address=payer.email,
            reference_id=payer.customer_id,
            request_options=ONCE,
        )
        return str(plain(made.customer)["id"])

    def _keep(self, source_id: str, customer: str) -> SavedMethod:
        try:
            answer = self._client.cards.create(
                idempotency_key=_digest(source_id, customer),
                source_id=source_id,
                card={"customer_id": customer},
                request_options=ONCE,
            )
        except ApiError as error:
            if not words.is_decline(body(error)):
                raise
            raise MethodRefused(words.decline(body(error)["errors"])) from None
        return words.method(plain(answer.card))

    def _calling(self, no_answer: type[GatewayError] = OutcomeUnknown) -> AbstractContextManager[None]:
        return calling(self._without_secrets, no_answer)


def _digest(*parts: str) -> str:
    """An idempotency key for what may be made twice without harm: the same for the same wish."""
    return sha256("\n".join(parts).encode()).hexdigest()[:45]
