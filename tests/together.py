"""Doing things at the same time, each in a thread with an application context and a tenant's scope of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from flask import Flask

from app.db import tenant_scope

Result = TypeVar("Result")

SOON_SECONDS = 30


def together(app: Flask, tenant_id: str, *calls: Callable[[], Result]) -> list[Result | Exception]:
    """Begin all calls at one instant, inside the tenant; gives what each returned or raised, in their order."""
    start = Barrier(len(calls))

    def run(call: Callable[[], Result]) -> Result | Exception:
        with app.app_context(), tenant_scope(tenant_id):
            start.wait(SOON_SECONDS)
            try:
                return call()
            except Exception as error:
                return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(SOON_SECONDS) for future in [pool.submit(run, call) for call in calls]]


def refusals(results: list[Result | Exception]) -> list[str]:
    """The codes of what was refused; whatever else went wrong is raised."""
    errors = [result for result in results if isinstance(result, Exception)]
    for error in errors:
        if not hasattr(error, "code") or not hasattr(error, "message"):
            raise error
    return sorted(str(error.code) for error in errors)  # type: ignore[attr-defined]
