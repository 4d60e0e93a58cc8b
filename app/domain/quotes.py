"""Paying on a chain: a price held for a while, the transfers seen at its address, and how the payment stands by them.

Rules of issue 4 (Web3). Amounts of an asset are `raw`: whole numbers of its smallest unit, such as wei.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil

from app.domain.exact import EXACT, plain
from app.domain.money import Money


@dataclass(frozen=True, slots=True)
class Asset:
    """What is sent: the chain's own coin (no contract), or a token, which its contract alone tells from others.

    Anybody can deploy a token of the same symbol. `decimals` are those of the contract, read once and kept.
    """

    chain_id: int
    symbol: str
    decimals: int
    contract: str = ""

    def text(self, raw: int) -> str:
        """An amount as wallets show it: of a token with 6 decimals, 8230000 is `8.23 USDC`."""
        return f"{plain(EXACT.scaleb(Decimal(raw), -self.decimals))} {self.symbol}"


@dataclass(frozen=True, slots=True)
class Rate:
    """What one whole unit of an asset costs, in major units of `currency`, and who says so."""

    value: Decimal
    currency: str
    source: str

    def raw_for(self, amount: Money, decimals: int) -> int:
        """The asset's units that are worth an amount, rounded up to a whole one.

        10.00 CAD at 1.37 for a token with 6 decimals are 10 ÷ 1.37 × 10⁶ = 7299270.07…, so 7299271.
        """
        whole = Fraction(amount.amount) / Fraction(self.value)
        return ceil(whole * Fraction(10) ** decimals)

    def worth(self, raw: int, decimals: int) -> Money:
        """What units of the asset are worth, rounded half away from zero to the currency's minor unit."""
        return Money.rounded(Fraction(raw, 10**decimals) * Fraction(self.value), self.currency)


@dataclass(frozen=True, slots=True)
class Quote:
    """A price held for one attempt, at an address that is used for it alone.

    `least` is what counts as all of `raw`, where a little less is forgiven. The payer is told `expires_at`; what is in
    a block until `closes_at` (both UTC, inclusive) still counts at this rate. Nothing came before `from_block`.
    """

    asset: Asset
    address: str
    amount: Money
    raw: int
    least: int
    rate: Rate
    expires_at: datetime
    closes_at: datetime
    from_block: int

    def worth(self, raw: int) -> Money:
        """What units sent in time are worth: all of `raw`, or what is forgiven, is the amount asked for to the cent.

        Of 10.00 asked for as 5 tokens, 5 are worth 10.00, 6 are worth 12.00 and 2 are worth 4.00.
        """
        worth = self.rate.worth(raw, self.asset.decimals)
        return max(worth, self.amount) if raw >= self.least else worth


@dataclass(frozen=True, slots=True)
class Transfer:
    """Units that arrived at an address. `contract` is empty for the chain's coin; `at` is the time of the block, UTC.

    A transaction moves a coin once (`log_index` -1) and tokens once for each of its logs.
    """

    tx_hash: str
    log_index: int
    contract: str
    sender: str
    address: str
    raw: int
    block: int
    block_hash: str
    at: datetime

    @property
    def place(self) -> tuple[str, int]:
        """What tells two transfers of a chain apart, in whatever block they end up."""
        return self.tx_hash, self.log_index


@dataclass(frozen=True, slots=True)
class Tip:
    """How far a chain was read: to block `head`, of which those up to `final` (made at `final_at`) stay for good.

    With 12 confirmations and the head at 100, block 89 has 100 − 89 + 1 = 12 of them and is final.
    """

    head: int
    final: int
    final_at: datetime


class Standing(StrEnum):
    """How a payment on a chain stands."""

    WAITING = "waiting"
    PARTIAL = "partial"
    CONFIRMING = "confirming"
    PAID = "paid"
    UNDERPAID = "underpaid"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Received:
    """Units that came in time, `final` ones among those `seen`, and what that makes of the payment."""

    standing: Standing
    seen: int
    final: int


def received(quote: Quote, transfers: Iterable[Transfer], tip: Tip) -> Received:
    """How a quote stands by the transfers of its address. Only those of its asset and in time count here.

    A part is waited on until the last block in time is final; then it is `underpaid`, and nothing at all is `expired`.
    """
    timely = [one for one in transfers if is_timely(quote, one)]
    seen, final = sum(one.raw for one in timely), sum(one.raw for one in timely if one.block <= tip.final)
    return Received(_standing(quote, seen, final, closed=tip.final_at > quote.closes_at), seen, final)


def is_timely(quote: Quote, transfer: Transfer) -> bool:
    """Whether a transfer is of what was asked for, and came while the rate was held."""
    asked = (quote.asset.contract, quote.address)
    return (transfer.contract, transfer.address) == asked and transfer.at <= quote.closes_at


def units_back(quote: Quote, part: Money) -> int:
    """The units to send back for a part of what was paid, at the rate it was paid at, rounded down: all for all of it.

    Of 10.00 paid as 7299271 units, 2.50 are 1824817.75, so 1824817.
    """
    return quote.raw * part.minor // quote.amount.minor


def _standing(quote: Quote, seen: int, final: int, *, closed: bool) -> Standing:
    if final >= quote.least:
        return Standing.PAID
    if seen >= quote.least:
        return Standing.CONFIRMING
    if closed:
        return Standing.UNDERPAID if final and quote.worth(final) else Standing.EXPIRED
    return Standing.PARTIAL if seen else Standing.WAITING
