"""The tables of docs/gateways.md and the README, as the adapters declare: `python -m tests.gateways.overview`."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability
from app.gateways.sandbox import TOKENS

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "gateways.md"
README = ROOT / "README.md"

CAN: Mapping[Capability, str] = {
    Capability.SAVE_METHOD: "keep a method",
    Capability.SETUP: "… on the gateway's own form or page",
    Capability.METHOD_UPDATES: "tell when a kept method changed or is gone",
    Capability.OFF_SESSION: "charge without the payer",
    Capability.HOSTED: "take a payment on its own page, by a code or on the payer's phone",
    Capability.ANY_AMOUNT: "book whatever payers send",
    Capability.PHONE: "… by a prompt on the payer's phone",
    Capability.CHOICES: "… in one of several assets, as the payer chooses",
    Capability.NUMBERED: "… at an address that no other payment ever had",
    Capability.PAYOUT: "have a person send refunds, and look on the chain whether they were",
    Capability.WATCH: "… which is looked for on the chain",
    Capability.KEEP: "… and keep what was paid with",
    Capability.FORM: "show its form on our page, for paying and for leaving a method",
    Capability.CHALLENGE: "have the payer's bank ask them, when we want it",
    Capability.RESUME: "take the payer back from a page",
    Capability.CAPTURE: "authorize first, capture later",
    Capability.PARTIAL_CAPTURE: "… a part of it",
    Capability.VOID: "cancel what has not settled",
    Capability.REFUND: "refund",
    Capability.PARTIAL_REFUND: "… in part",
    Capability.MULTI_REFUND: "… several times",
    Capability.WEBHOOKS: "send webhooks",
    Capability.LIST_TRANSACTIONS: "list transactions",
    Capability.DISPUTES: "tell of disputes",
}


def capabilities() -> str:
    """What each gateway can do."""
    gateways = [gateway_class(name) for name in REGISTRY]
    rows = [
        [text, *("yes" if capability in gateway.capabilities else "–" for gateway in gateways)]
        for capability, text in CAN.items()
    ]
    return _table(["", *(gateway.title for gateway in gateways)], rows)


def credentials() -> str:
    """What an account needs."""
    fields = [(gateway_class(name), field) for name in REGISTRY for field in gateway_class(name).credentials]
    rows = [
        [gateway.title, f"`{field.name}`", field.label, "yes" if field.required else "–", field.help]
        for gateway, field in fields
    ]
    return _table(["Gateway", "Field", "Label", "Needed", ""], rows)


def sandbox_tokens() -> str:
    """What the sandbox does with each token."""
    rows = [[f"`{token}`", f"{does.brand} {does.last4}", does.text] for token, does in TOKENS.items()]
    return _table(["Token", "Shown as", "What happens"], rows)


TABLES = {"capabilities": capabilities, "credentials": credentials, "sandbox tokens": sandbox_tokens}


def written(page: str) -> str:
    """The page with its tables as they are now, each between its own two comments."""
    for name, table in TABLES.items():
        page = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)",
            lambda found, table=table: f"{found[1]}{table()}{found[2]}",  # type: ignore[misc]
            page,
            flags=re.DOTALL,
        )
    return page


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    for file in (PAGE, README):
        file.write_text(written(file.read_text()))
