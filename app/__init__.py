"""Quittance: billing over many gateways."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.config import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """The application, ready to serve. Settings come from the environment unless given. Raises BadSettings.

    What it is made of is imported here and not above: whoever needs one room must not wait for the whole house.
    """
    from app.config import load_settings
    from app.factory import assemble

    return assemble(settings or load_settings())
