"""The outside world on loopback: stateful stand-ins for payment gateways, for tests, demos and trying things out.

Each speaks its gateway's protocol for the calls that Quittance makes, refuses what the real one refuses, keeps books
of its own, signs its webhooks, and can be told to fail (`simulators.faults`). A new one is one file with a `Simulator`
and one line here. The application never imports this package.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators.frame import Simulator

SIMULATORS: Mapping[str, str] = {
    "stripe": "simulators.stripe:StripeSimulator",
    "square": "simulators.square:SquareSimulator",
    "web3": "simulators.web3:Web3Simulator",
    "btcpay": "simulators.btcpay:BTCPaySimulator",
    "paypal": "simulators.paypal:PaypalSimulator",
    "pesapal": "simulators.pesapal:PesapalSimulator",
    "jenga": "simulators.jenga:JengaSimulator",
    "adyen": "simulators.adyen:AdyenSimulator",
}


def simulator_class(name: str) -> type["Simulator"]:
    """The simulator of that gateway. Raises KeyError for one that is not there."""
    module, _, attribute = SIMULATORS[name].partition(":")
    found: type[Simulator] = getattr(import_module(module), attribute)
    return found
