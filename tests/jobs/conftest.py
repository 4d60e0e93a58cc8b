"""Jobs are tried inside a shop, on a real database, with the sandbox gateway and its bank."""

from tests.shop import bank, shop

__all__ = ["bank", "shop"]
