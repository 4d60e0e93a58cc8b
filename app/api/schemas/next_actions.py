"""What a payer has to do next, on the wire: one shape for each kind."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field


class RedirectAction(BaseModel):
    """Send the payer to this page. They come back to `return_url`, if the payment has one."""

    kind: Literal["redirect"]
    url: str


class QrCodeAction(BaseModel):
    """Show a code to scan until it expires, or have exactly `amount_text` sent to `address` on `network`.

    `received_text` is what came of it already, when it was less than all.
    """

    kind: Literal["qr_code"]
    uri: str
    amount_text: str
    expires_at: str
    address: str = ""
    network: str = ""
    received_text: str = ""


class PhonePromptAction(BaseModel):
    """The payer is asked on this phone."""

    kind: Literal["phone_prompt"]
    msisdn: str


class ClientTokenAction(BaseModel):
    """The gateway's own form goes on with this, on the hosted page where the payment was begun."""

    kind: Literal["client_token"]
    token: str
    public_key: str


NextAction = Annotated[
    RedirectAction | QrCodeAction | PhonePromptAction | ClientTokenAction, Field(discriminator="kind")
]
