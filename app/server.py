"""The web server: granian with a few worker processes, each serving the application on a handful of threads.

The application's modules are imported before the workers fork, so that they share them.
"""

import logging
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
    """Serve the application that is `made` until SIGTERM or SIGINT. There are more threads than connections to the
    database: webhooks wait together for one commit, and need none. So a warning of many threads is not heard.
    """
    logging.getLogger("_granian").addFilter(lambda record: "Python threads" not in record.getMessage())
    server = Server(
        "wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=settings.web_workers,
        blocking_threads=2 * settings.database_pool_size,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SECONDS,
        log_level=LogLevels.warning,
    )
    server.serve(target_loader=partial(_load, made, settings), wrap_loader=False)


def _load(made: Callable[[Settings], Flask], settings: Settings) -> Flask:
    """In each worker process: the application, and no life after the server, which would keep the port."""
    end_with_parent(signal.SIGKILL)
    return made(settings)
