"""The settings of the running application."""

from flask import current_app
from redis import Redis

from app.config import Settings


def current_settings() -> Settings:
    """The settings that `create_app` was given."""
    settings: Settings = current_app.extensions["settings"]
    return settings


def cache() -> Redis:
    """The Redis of the running application. Nothing in it is the only copy of anything."""
    client: Redis = current_app.extensions["redis"]
    return client
