"""What people who are not the gateway send: letters that must be turned away, and hints that must not be believed."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from app.gateways.types import RawRequest
from simulators.calls import Json

Forgery = Callable[[RawRequest, Random], RawRequest]
Hint = Callable[[RawRequest, Random, str], RawRequest]


@dataclass(frozen=True, slots=True)
class Forger:
    """`refused` are letters that nobody signed like that. Where nothing vouches for what a letter says, `hints` are
    taken, and name an attempt that nobody has paid by the gateway's reference: that it was must not be believed."""

    refused: Sequence[Forgery]
    hints: Sequence[Hint] = ()

    def spoil(self, letter: RawRequest, chance: Random) -> RawRequest:
        """A letter that must be turned away."""
        return chance.choice(self.refused)(letter, chance)


def flipped(letter: RawRequest, chance: Random) -> RawRequest:
    """One bit of the body is another."""
    place = chance.randrange(len(letter.body))
    byte = bytes([letter.body[place] ^ (1 << chance.randrange(8))])
    return replace(letter, body=letter.body[:place] + byte + letter.body[place + 1 :])


def cut(letter: RawRequest, chance: Random) -> RawRequest:
    """The end of the body is missing."""
    return replace(letter, body=letter.body[: chance.randrange(1, len(letter.body))])


def grown(letter: RawRequest, _chance: Random) -> RawRequest:
    """There is more of the body."""
    return replace(letter, body=letter.body + b" ")


def dearer(letter: RawRequest, _chance: Random) -> RawRequest:
    """Another amount, where there is one."""
    return replace(letter, body=letter.body.replace(b"2260", b"9260", 1) if b"2260" in letter.body else b"{}")


def without(header: str) -> Forgery:
    """What proves who sent it is missing."""
    return lambda letter, _chance: replace(letter, headers={k: v for k, v in letter.headers.items() if k != header})


def backwards(header: str) -> Forgery:
    """What proves who sent it is something else."""
    return lambda letter, _chance: replace(letter, headers={**letter.headers, header: letter.headers[header][::-1]})


def guessed(letter: RawRequest, chance: Random) -> RawRequest:
    """Another user and password."""
    login = base64.b64encode(f"user:{chance.random()}".encode()).decode()
    return replace(letter, headers={**letter.headers, "authorization": f"Basic {login}"})


def signing_body(header: str) -> Forger:
    """For gateways that sign the body as it is, and say so in this header."""
    return Forger((flipped, cut, grown, dearer, without(header), backwards(header)))


def _in_item(name: str, value: object) -> Forgery:
    """Adyen: another value of a field that is signed."""

    def forge(letter: RawRequest, _chance: Random) -> RawRequest:
        told = json.loads(letter.body)
        for entry in told["notificationItems"]:
            entry["NotificationRequestItem"][name] = value
        return replace(letter, body=json.dumps(told).encode())

    return forge


def _retold(part: str | None, **changes: object) -> Callable[[RawRequest], RawRequest]:
    def retell(letter: RawRequest) -> RawRequest:
        told: Json = json.loads(letter.body)
        (told[part] if part else told).update(changes)
        return replace(letter, body=json.dumps(told).encode())

    return retell


def _jenga_about(letter: RawRequest, chance: Random, ref: str) -> RawRequest:
    """Somebody who knows the password says that something else was paid."""
    about = chance.choice((ref, "NOBODY000001"))
    return _retold("customer", reference=about)(_retold("transaction", billNumber=about, amount="9260.00")(letter))


def _jenga_failed(letter: RawRequest, _chance: Random, _ref: str) -> RawRequest:
    return _retold("transaction", status="FAILED", remarks="05:Declined")(letter)


def _pesapal_about(letter: RawRequest, chance: Random, ref: str) -> RawRequest:
    return _retold(None, OrderTrackingId=chance.choice((ref, "nobody")))(letter)


def _pesapal_for(letter: RawRequest, chance: Random, _ref: str) -> RawRequest:
    return _retold(None, OrderMerchantReference=chance.choice(("pay_nobody", "x")))(letter)


ADYEN_ITEM = {
    "pspReference": "0000000000000001",
    "merchantReference": "pay_01k0000000e00800000000000a",
    "merchantAccountCode": "SomebodyElse",
    "amount": {"value": 9260, "currency": "CAD"},
    "eventCode": "CAPTURE_FAILED",
    "success": "perhaps",
    "additionalData": {},
}

FORGERS: Mapping[str, Forger] = {
    "adyen": Forger(
        [*(_in_item(name, value) for name, value in ADYEN_ITEM.items()), cut, guessed, without("authorization")]
    ),
    "btcpay": signing_body("btcpay-sig"),
    "jenga": Forger((cut, guessed, without("authorization")), (_jenga_about, _jenga_failed)),
    "paypal": signing_body("paypal-transmission-sig"),
    "pesapal": Forger((cut, lambda letter, _chance: replace(letter, body=b"[]")), (_pesapal_about, _pesapal_for)),
    "square": signing_body("x-square-hmacsha256-signature"),
    "stripe": signing_body("stripe-signature"),
}
