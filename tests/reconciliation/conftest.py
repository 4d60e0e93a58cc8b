"""Shops at simulated gateways, whose webhooks nobody delivers."""

from tests.webhooks.conftest import bank, counter

__all__ = ["bank", "counter"]
