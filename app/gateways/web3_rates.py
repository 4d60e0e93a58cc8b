"""What an asset costs: a port of its own with two sources, a table that the tenant enters and a price service."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

import requests

from app.domain.quotes import Rate
from app.gateways.errors import GatewayRefused, GatewayUnavailable, RateLimited

# ETH/CAD=4200.00, or several of them with commas or lines between.
_PAIR = re.compile(r"([A-Za-z0-9.]{1,16})/([A-Za-z]{3})\s*[=: ]\s*(\d+(?:\.\d+)?)")
PLACES = 12  # of a rate that is kept
LONGEST = 100_000  # bytes of an answer
PAR = Decimal(1)


class RateSource(ABC):
    """Says what one whole unit of an asset costs now."""

    @abstractmethod
    def rate(self, symbol: str, currency: str) -> Rate | None:
        """The price of `symbol` in `currency`; None when this source does not know the pair.

        Raises GatewayUnavailable when it cannot be asked, and GatewayRefused when it does not let us in.
        """


@dataclass(frozen=True, slots=True)
class Table(RateSource):
    """Prices that the tenant has entered, by (symbol, currency)."""

    prices: Mapping[tuple[str, str], Decimal]

    @classmethod
    def read(cls, text: str) -> "Table":
        """`ETH/CAD=4200, USDC/CAD=1.37` → its prices. Raises GatewayRefused, naming what is no price."""
        prices = {}
        for entry in filter(None, map(str.strip, re.split(r"[,;\n]", text))):
            found = _PAIR.fullmatch(entry)
            if not found or not Decimal(found[3]):
                raise GatewayRefused(f"“{entry}” is no price: write them as ETH/CAD=4200.00, USDC/CAD=1.37.")
            prices[found[1].upper(), found[2].upper()] = Decimal(found[3])
        return cls(prices)

    def rate(self, symbol: str, currency: str) -> Rate | None:
        price = self.prices.get((symbol.upper(), currency))
        return Rate(price, currency, "own table") if price else None


@dataclass(frozen=True, slots=True)
class PriceService(RateSource):
    """A service over HTTP. `url` has {symbol} and {currency} in it; `path` leads to the number in its JSON answer.

    With `https://prices.example/v2/{symbol}-{currency}/spot` and `data.amount` the answer may be
    `{"data": {"amount": "4200.17", …}}`.
    """

    url: str
    path: str
    timeout: int

    def rate(self, symbol: str, currency: str) -> Rate | None:
        found = self._answer(self.url.replace("{symbol}", symbol).replace("{currency}", currency))
        for part in self.path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found is None:
            return None
        return Rate(_price(found), currency, urlsplit(self.url).hostname or "price service")

    def _answer(self, url: str) -> Any:
        try:
            answer = requests.get(url, timeout=self.timeout, headers={"Accept": "application/json"})
        except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL, requests.exceptions.MissingSchema):
            raise GatewayRefused("The address of the price service is none: it begins with https://.") from None
        except requests.RequestException as error:
            raise GatewayUnavailable(f"The price service gave no answer: {type(error).__name__}.") from None
        if answer.status_code == 429:
            raise RateLimited("The price service takes no more requests for now.")
        if answer.status_code in (400, 404):
            return None
        if answer.status_code in (401, 403):
            raise GatewayRefused(f"The price service refuses us (HTTP {answer.status_code}).")
        return _json(answer)


@dataclass(frozen=True, slots=True)
class Peg(RateSource):
    """A stablecoin is charged at par while the market has it within `most` percent of that, and not at all beyond.

    `pegs` says to which currency a symbol is pegged; any other pair is left to `market`.
    """

    market: RateSource
    pegs: Mapping[str, str]
    most: Decimal

    def rate(self, symbol: str, currency: str) -> Rate | None:
        found = self.market.rate(symbol, currency)
        if found is None or self.pegs.get(symbol) != currency:
            return found
        if abs(found.value - PAR) * 100 > self.most:
            raise GatewayRefused(f"{symbol} is off its peg: {found.source} has it at {found.value} {currency}.")
        return Rate(PAR, currency, f"par, by {found.source}")


@dataclass(frozen=True, slots=True)
class FirstOf(RateSource):
    """The first of several sources that knows a pair."""

    sources: tuple[RateSource, ...]

    def rate(self, symbol: str, currency: str) -> Rate | None:
        return next((found for source in self.sources if (found := source.rate(symbol, currency))), None)


def _json(answer: requests.Response) -> Any:
    if not answer.ok or len(answer.content) > LONGEST:
        raise GatewayUnavailable(f"The price service gave no answer: HTTP {answer.status_code}.")
    try:
        return json.loads(answer.content, parse_float=str, parse_int=str)
    except ValueError:
        raise GatewayUnavailable("The price service gave an answer that is none.") from None


def _price(found: object) -> Decimal:
    """A price, to twelve decimals. Raises GatewayUnavailable for anything that is none."""
    try:
        price = round(Decimal(str(found)), PLACES)
    except InvalidOperation:
        price = Decimal(0)
    if not price.is_finite() or price <= 0:
        raise GatewayUnavailable("The price service gave a price that is none.")
    return price
