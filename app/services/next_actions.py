"""What somebody must do next, as the JSON that a payment or a refund keeps and the API shows."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.gateways.types import ClaimLink, ClientToken, NextAction, Payout, PhonePrompt, QrCode, Redirect, RefundStep

KINDS: dict[str, type[NextAction | RefundStep]] = {
    "redirect": Redirect,
    "qr_code": QrCode,
    "phone_prompt": PhonePrompt,
    "client_token": ClientToken,
    "claim_link": ClaimLink,
    "payout": Payout,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


def as_json(action: NextAction | RefundStep | None) -> dict[str, Any]:
    """`{"kind": "redirect", "url": …}`; empty when there is nothing to do."""
    if action is None:
        return {}
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(action).items()
    }
    return {"kind": _NAMES[type(action)], **values}


def payout_in(step: dict[str, Any]) -> Payout | None:
    """The payout that a refund waits for, if that is what it waits for."""
    values = {name: value for name, value in step.items() if name != "kind"}
    return Payout(**values) if step.get("kind") == _NAMES[Payout] else None
