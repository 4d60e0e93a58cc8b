"""What a tenant enters for a chain, read: where addresses come from, what is accepted, and on which terms."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from bip32 import BIP32
from bip32.utils import HARDENED_INDEX
from eth_keys.datatypes import PublicKey
from web3 import Web3

from app.domain.errors import InvalidInput
from app.domain.quotes import Asset
from app.gateways.errors import GatewayRefused
from app.gateways.web3_rates import FirstOf, Peg, PriceService, RateSource, Table

ACCOUNT_DEPTH = 3  # m / 44' / 60' / account'
RECEIVING = 0  # the account's branch for receiving, as against change
COIN_DECIMALS = 18
FINALIZED = "finalized"
REVIEW, CREDIT = "review", "credit"
# ETH, or a token as USDC=0xA0b8… with, optionally, its decimals and what it is pegged to: USDC=0xA0b8…:6~USD
_ASSET = re.compile(r"([A-Za-z][A-Za-z0-9.]{0,15})(?:=(0x[0-9a-fA-F]{40})(?::(\d{1,2}))?(?:~([A-Za-z]{3}))?)?")
DEFAULTS = {
    "confirmations": "12",
    "minutes": "15",
    "grace_minutes": "10",
    "tolerance": "0",
    "late": REVIEW,
    "depeg": "1",
    "rates_path": "data.amount",
}
_NUMBERS = {"minutes": (10, 20), "grace_minutes": (0, 120), "tolerance": (0, 5), "depeg": (0, 10)}


@dataclass(frozen=True, slots=True)
class Entry:
    """An asset of the allow-list. `decimals` is None until the chain was asked; `peg` is a currency, or empty."""

    symbol: str
    contract: str = ""
    decimals: int | None = None
    peg: str = ""

    def __str__(self) -> str:
        decimals = f":{self.decimals}" if self.decimals is not None else ""
        peg = f"~{self.peg}" if self.peg else ""
        return f"{self.symbol}={self.contract}{decimals}{peg}" if self.contract else self.symbol


@dataclass(frozen=True, slots=True)
class Terms:
    """An account on a chain. Times are how long a quote is held and how long after it money in a block still counts."""

    xpub: str
    rpc_url: str
    chain_id: int | None
    entries: tuple[Entry, ...]
    confirmations: int | None  # None: what the chain itself calls final
    held_for: timedelta
    grace: timedelta
    tolerance: Decimal  # percent of what was asked for
    late: str

    @classmethod
    def read(cls, entered: Mapping[str, str]) -> "Terms":
        """Raises InvalidInput, naming the field, for what cannot be used: a private key above all."""
        given = DEFAULTS | {name: value.strip() for name, value in entered.items() if value and value.strip()}
        numbers = {name: _number(given, name, *bounds) for name, bounds in _NUMBERS.items()}
        chain_id, late = given.get("chain_id"), given["late"]
        if chain_id and not chain_id.isdecimal():
            raise _bad("chain_id", "A chain's id is a number, such as 1 for Ethereum.")
        if late not in (REVIEW, CREDIT):
            raise _bad("late", f"Late money is for “{REVIEW}” or for “{CREDIT}”.")
        _wallet(given.get("xpub", ""))
        return cls(
            xpub=given.get("xpub", ""),
            rpc_url=given.get("rpc_url", ""),
            chain_id=int(chain_id) if chain_id else None,
            entries=_entries(given.get("assets", "")),
            confirmations=_confirmations(given["confirmations"]),
            held_for=timedelta(minutes=int(numbers["minutes"])),
            grace=timedelta(minutes=int(numbers["grace_minutes"])),
            tolerance=numbers["tolerance"],
            late=late,
        )

    @property
    def depth(self) -> int:
        """How many blocks are read again each time, because the chain may have put others in their place."""
        return max(64, 2 * (self.confirmations or 0))

    def entry(self, symbol: str) -> Entry:
        """The asset with that symbol; the first one for none. Raises GatewayRefused when it is not on the list."""
        found = next((entry for entry in self.entries if symbol in ("", entry.symbol)), None)
        if found is None:
            raise GatewayRefused(f"{symbol} is not among the assets of this account.")
        return found

    def address(self, number: int) -> str:
        """The address of an attempt: m/…/0/number, never derived with a private key. Equal to the wallet's own."""
        public = _wallet(self.xpub).get_pubkey_from_path([RECEIVING, number])
        return PublicKey.from_compressed_bytes(public).to_checksum_address()

    def with_entries(self, entries: tuple[Entry, ...]) -> str:
        """The allow-list as it is entered, of these assets."""
        return ", ".join(map(str, entries))


def rates_of(entered: Mapping[str, str], timeout: int) -> RateSource:
    """The tenant's own table before the price service, and stablecoins at par. Raises InvalidInput for bad entries."""
    given = DEFAULTS | {name: value.strip() for name, value in entered.items() if value and value.strip()}
    sources: list[RateSource] = [_table(given.get("rates", ""))]
    if url := given.get("rates_url"):
        if "{symbol}" not in url or "{currency}" not in url:
            raise _bad("rates_url", "The address of the price service has {symbol} and {currency} in it.")
        sources.append(PriceService(url, given["rates_path"], timeout))
    pegs = {entry.symbol: entry.peg for entry in _entries(given.get("assets", "")) if entry.peg}
    return Peg(FirstOf(tuple(sources)), pegs, _number(given, "depeg", *_NUMBERS["depeg"]))


def asset_of(entry: Entry, chain_id: int) -> Asset:
    """An entry whose decimals are known, on its chain."""
    decimals = COIN_DECIMALS if not entry.contract else entry.decimals
    if decimals is None:
        raise GatewayRefused(f"The decimals of {entry.symbol} are not known yet: test the connection.")
    return Asset(chain_id, entry.symbol, decimals, entry.contract)


def checked_address(text: str, field: str = "address") -> str:
    """An address as it is written everywhere else, with its checksum (EIP-55). Raises InvalidInput for anything else.

    One that is written in a single case has no checksum, and is taken as it is.
    """
    address = text.strip()
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", address):
        raise _bad(field, "An address is 0x and 40 digits: copy it from the wallet.")
    if address[2:] not in (address[2:].lower(), address[2:].upper()) and not Web3.is_checksum_address(address):
        raise _bad(field, "This address has a mistake in it: its checksum does not fit. Copy it from the wallet.")
    if not int(address, 16):
        raise _bad(field, "Nobody has this address.")
    return Web3.to_checksum_address(address)


@lru_cache(maxsize=128)
def _wallet(xpub: str) -> BIP32:
    if "prv" in xpub[:4] or re.fullmatch(r"(0x)?[0-9a-fA-F]{64}|([a-z]+ ){11,}[a-z]+", xpub):
        raise _bad("xpub", "That is a private key: it belongs into no form. Enter the account's extended public key.")
    try:
        wallet = BIP32.from_xpub(xpub)
    except Exception:
        raise _bad("xpub", "That is no extended public key: it begins with xpub.") from None
    if wallet.depth != ACCOUNT_DEPTH or wallet.index < HARDENED_INDEX:
        raise _bad("xpub", "Enter the key of an account, as wallets export it for m/44'/60'/0'.")
    return wallet


@lru_cache(maxsize=128)
def _entries(text: str) -> tuple[Entry, ...]:
    found = tuple(_entry(part) for part in map(str.strip, re.split(r"[,;\n]", text)) if part)
    if not found:
        raise _bad("assets", "Name at least one asset.")
    if len({entry.symbol for entry in found}) < len(found) or len({entry.contract for entry in found}) < len(found):
        raise _bad("assets", "Each symbol and each contract stands there once.")
    return found


def _entry(text: str) -> Entry:
    found = _ASSET.fullmatch(text)
    if not found:
        raise _bad("assets", f"“{text}” is no asset: write ETH, or a token as USDC=0x…~USD.")
    symbol, contract, decimals, peg = found.groups()
    pinned = int(decimals) if decimals else None
    return Entry(symbol.upper(), checked_address(contract, "assets") if contract else "", pinned, (peg or "").upper())


def pinned(entry: Entry, decimals: int) -> Entry:
    """The entry with its decimals. Raises GatewayRefused when others were kept for it: it is another token now."""
    if entry.decimals not in (None, decimals):
        raise GatewayRefused(f"{entry.symbol} has {decimals} decimals on this chain, and not {entry.decimals}.")
    return replace(entry, decimals=decimals)


def _table(text: str) -> Table:
    try:
        return Table.read(text)
    except GatewayRefused as refusal:
        raise _bad("rates", str(refusal)) from None


def _confirmations(text: str) -> int | None:
    if text == FINALIZED:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise _bad("confirmations", f"Confirmations are a number from 1 to 1000, or the word “{FINALIZED}”.")
    return int(text)


def _number(given: Mapping[str, str], name: str, least: int, most: int) -> Decimal:
    text = given[name]
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", text) or not least <= Decimal(text) <= most:
        raise _bad(name, f"This is a number from {least} to {most}.")
    return Decimal(text)


def _bad(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, code="invalid_credential", field=field)
