"""What Jenga says, in our words: one table for each of its vocabularies, and its objects as our results."""

import re
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from string import ascii_uppercase, digits
from typing import Any

from app.domain.money import Money
from app.gateways.errors import GatewayRefused, OutcomeUnknown
from app.gateways.plain_http import Fault, Json
from app.gateways.refusals import decline_from
from app.gateways.types import NextAction, PaymentResult, PaymentStatus

# Of data.stateCode; anything else is still on its way. `status: true` around it says only that the question was heard.
SUCCEEDED, FAILED = 2, 1
# Codes of a failed transaction of which not even Jenga knows what became.
UNSURE = frozenset({"400105", "103108", "400108", "400112"})
DUPLICATE = "400101"
# Codes of `status: false` as the HTTP status they amount to. Any other may mean anything, and so says nothing.
FAULTS: Mapping[str, int] = {
    "401101": 401,  # unauthorized
    "900101": 403,  # signature or merchant configuration
    "103107": 422,  # currency or amount
    DUPLICATE: 422,  # reference
}
# Our word → Jenga's codes (equity-jenga.readthedocs.io, response codes).
_CODES: Mapping[str, str] = {
    "insufficient_funds": "104103 103104 400104 118108",
    "limit_exceeded": "104102 400113 103105",
    "issuer_unavailable": "401102 401103 118102",
}
DECLINES: Mapping[str, str] = {code: word for word, codes in _CODES.items() for code in codes.split()}

_ALPHABET = digits + ascii_uppercase
_REFERENCE_LENGTH = 12  # of the 6 to 12 letters and digits that Jenga takes
_REFERENCE = re.compile(rf"[0-9A-Z]{{{_REFERENCE_LENGTH}}}")
_KENYAN_MOBILE = re.compile(r"(?:254|0)?([17][0-9]{8})")
_EQUITEL = ("25476",)
_EQUITEL_FOURTH = "3456"  # 0763 to 0766


def fault(status: int, body: Any) -> Fault | None:
    """What is wrong, if anything: `{status: false, code, message}`, with whatever HTTP status."""
    told = body if isinstance(body, dict) else {}
    code, message = str(told.get("code") or ""), str(told.get("message") or "")
    if status >= 400:
        return Fault(FAULTS.get(code, status), code, message)
    return Fault(FAULTS.get(code, 500), code, message) if told.get("status") is False else None


def reference(key: str) -> str:
    """Our key as a payment reference: 12 letters and digits out of its SHA-256, the same for the same key.

    There are 36¹² = 4.7 · 10¹⁸ of them: among ten million payments, two share one with a chance of 1 in 95,000. Jenga
    takes each reference once, so that even then nothing is charged that was not asked for.
    """
    number, letters = int.from_bytes(sha256(key.encode()).digest()), []
    for _ in range(_REFERENCE_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(letters)


def is_reference(text: Any) -> bool:
    """Whether a text can be a payment reference of ours."""
    return isinstance(text, str) and bool(_REFERENCE.fullmatch(text))


def msisdn(phone: str) -> str:
    """A Kenyan mobile number in international form: `0712 345 678` and `+254712345678` are `254712345678`.

    Raises GatewayRefused for anything else.
    """
    found = _KENYAN_MOBILE.fullmatch(re.sub(r"[\s()+-]", "", phone))
    if not found:
        raise GatewayRefused(f"“{phone}” is no Kenyan mobile number: write it like 0712 345 678.")
    return f"254{found[1]}"


def telco(number: str) -> str:
    """Whose prompt a number gets: Equitel's own numbers begin with 0763 to 0766; the rest is M-Pesa's."""
    return "Equitel" if number.startswith(_EQUITEL) and number[5] in _EQUITEL_FOURTH else "Safaricom"


def payment(told: Json, ref: str, prompt: NextAction | None) -> PaymentResult:
    """A transaction as it stands; `prompt` is what the payer has to do while it is on its way.

    Raises OutcomeUnknown for one that failed with a code that means that nobody knows.
    """
    code = str(told.get("code") or "")
    if told["stateCode"] == SUCCEEDED:
        return PaymentResult(PaymentStatus.SUCCEEDED, ref, amount(told), fee=_fee(told))
    if told["stateCode"] != FAILED:
        return PaymentResult(PaymentStatus.REQUIRES_ACTION, ref, next_action=prompt)
    if code in UNSURE:
        raise OutcomeUnknown(f"Jenga does not know what became of {ref} ({code}): ask its support.")
    return PaymentResult(PaymentStatus.FAILED, ref, decline=decline_from("jenga", DECLINES, code))


def amount(told: Json) -> Money:
    """What a transaction is over; Jenga's prompts are in shillings only."""
    return Money.rounded(Decimal(told["amount"]), "KES")


def _fee(told: Json) -> Money | None:
    return Money.rounded(Decimal(told["charge"]), "KES") if told.get("charge") else None
