"""The servers and the application of the tests, lent to who brings a tenant of its own."""

from flask import Flask

from app.config import Settings
from bench.lab import Lab


def lab(app: Flask, settings: Settings) -> Lab:
    """A lab on the servers of the tests; processes of the application can be started with its variables."""
    variables = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "QUITTANCE_DATA_DIR": str(settings.quittance_data_dir),
        "API_WRITE_LIMIT": "1000/hour",
    }
    return Lab(variables, app)
