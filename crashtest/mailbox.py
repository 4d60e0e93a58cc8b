"""Where simulators send their webhooks: they wait here until a process has taken them for good, as gateways do it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FRESH_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Webhook:
    """One delivery, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    came_at: float = field(default_factory=time.monotonic)

    @property
    def is_fresh(self) -> bool:
        """Whether its signature is surely still good."""
        return time.monotonic() - self.came_at < FRESH_SECONDS


class Mailbox(ThreadingHTTPServer):
    """Takes whatever comes in on 127.0.0.1."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._lock = threading.Lock()
        self._waiting: list[Webhook] = []

    def put(self, *webhooks: Webhook) -> None:
        """These wait to be taken, or to be taken again."""
        with self._lock:
            self._waiting.extend(webhooks)

    def empty(self) -> list[Webhook]:
        """All that waits; nothing is left."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return waiting


class _Handler(BaseHTTPRequestHandler):
    server: Mailbox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.put(Webhook(self.path, dict(self.headers.items()), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *words: object) -> None:
        """Say nothing."""


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mailbox for the length of a block."""
    server = Mailbox()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
