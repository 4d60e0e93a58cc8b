"""The web server: granian with a few worker processes, each serving the application on a handful of threads.

The application's modules are imported before the workers fork, so that they share them.
"""

import os
import signal
from collections.abc import Callable
from functools import partial

from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from app.config import Settings
from app.factory import assemble
from app.processes import end_with_parent

KILL_SECONDS = 10


def serve(settings: Settings, host: str, port: int, made: Callable[[Settings], Flask] = assemble) -> None:
    """Serve the application that is `made` until SIGTERM or SIGINT. Each thread needs a database connection; many would
    only wait for a core."""
    server = Server(
        "wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=settings.web_workers,
        blocking_threads=min(settings.database_pool_size, 2 * (os.cpu_count() or 1)),
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SECONDS,
        log_level=LogLevels.warning,
    )
    server.serve(target_loader=partial(_load, made, settings), wrap_loader=False)


def _load(made: Callable[[Settings], Flask], settings: Settings) -> Flask:
    """In each worker process: the application, and no life after the server, which would keep the port."""
    end_with_parent(signal.SIGKILL)
    return made(settings)
