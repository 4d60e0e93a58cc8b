"""How hard laws are tried: `make test` tries each a few times, `make laws TIMES=20` twenty times as often."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("QUITTANCE_LAWS", "1"))
THOROUGH = TIMES > 1


def tried(examples: int) -> settings:
    """Settings of a law that touches no server."""
    return settings(max_examples=examples * TIMES, deadline=None)


def tried_on_servers(examples: int) -> settings:
    """Settings of a law whose examples share the fixtures of their test: a database, a tenant."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples * TIMES, deadline=None, database=None, suppress_health_check=checks)
