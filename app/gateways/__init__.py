"""The gateways, one line each. An adapter and its SDK are imported when first used."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from app.domain.errors import InvalidInput
from app.gateways.base import Gateway

REGISTRY: Mapping[str, str] = {
    "adyen": "app.gateways.adyen:AdyenGateway",
    "btcpay": "app.gateways.btcpay:BTCPayGateway",
    "jenga": "app.gateways.jenga:JengaGateway",
    "paypal": "app.gateways.paypal:PaypalGateway",
    "pesapal": "app.gateways.pesapal:PesapalGateway",
    "sandbox": "app.gateways.sandbox:SandboxGateway",
    "square": "app.gateways.square:SquareGateway",
    "stripe": "app.gateways.stripe:StripeGateway",
    "web3": "app.gateways.web3:Web3Gateway",
}


def gateway_class(name: str) -> type[Gateway]:
    """The adapter of that name. Raises InvalidInput for a gateway that does not exist."""
    try:
        module, _, attribute = REGISTRY[name].partition(":")
    except KeyError:
        raise InvalidInput(
            f"“{name}” is not a gateway: use one of {', '.join(sorted(REGISTRY))}.",
            code="unknown_gateway",
            field="gateway",
        ) from None
    found: type[Gateway] = getattr(import_module(module), attribute)
    return found


def open_gateway(name: str, credentials: Mapping[str, str], *, timeout: int, workspace: Path) -> Gateway:
    """An account of a gateway, ready for calls."""
    return gateway_class(name)(credentials, timeout=timeout, workspace=workspace)
