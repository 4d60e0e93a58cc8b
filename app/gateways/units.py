"""How a gateway counts money, where it does otherwise than ISO 4217: a table in each adapter, the sums here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from app.domain.currencies import exponent
from app.domain.money import Money
from app.gateways.errors import GatewayRefused


@dataclass(frozen=True, slots=True)
class Units:
    """A gateway's whole units. `decimals` lists currencies with other decimals than ISO 4217 gives them, `steps` those
    whose units must be divisible by a number.

    With `Units({"UGX": 2}, {"UGX": 100})`, 3,800 shillings are `Money(3800, "UGX")` here and 380000 there.
    """

    decimals: Mapping[str, int] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)

    def count(self, money: Money) -> int:
        """The amount in the gateway's units. Raises GatewayRefused for one it has no exact number for.

        Nothing is rounded here: the payer is charged what the invoice says, or nothing.
        """
        units = money.amount.scaleb(self._places(money.currency))
        if units % self.steps.get(money.currency, 1):
            raise GatewayRefused(f"The gateway cannot take {money}: the amount is too fine for it in this currency.")
        return int(units)

    def text(self, money: Money) -> str:
        """The amount in major units with exactly the gateway's decimals: `"12.99"`. Raises as `count` does."""
        return f"{Decimal(self.count(money)).scaleb(-self._places(money.currency)):f}"

    def money(self, units: int, currency: str) -> Money:
        """The amount behind the gateway's units, `currency` in either case: the inverse of `count`.

        What is finer than our minor unit (a fee can be) is rounded to it here, half away from zero.
        """
        code = currency.upper()
        return Money.rounded(Decimal(units).scaleb(-self._places(code)), code)

    def _places(self, currency: str) -> int:
        return self.decimals.get(currency, exponent(currency))
