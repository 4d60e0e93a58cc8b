"""The house itself is tried: its walls, its tables, its rules."""

from tests.shop import bank, shop

__all__ = ["bank", "shop"]
