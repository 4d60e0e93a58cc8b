"""HTTP on loopback, down to the socket: an answer can be cut in half, dropped, or never sent."""

import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import urlsplit

from simulators.calls import Answer, Call
from simulators.control import PREFIX, control
from simulators.faults import FaultKind, Wire
from simulators.frame import Simulator

GARBAGE = b'{"id": "x", "status": '
AnySimulator = TypeVar("AnySimulator", bound=Simulator)


class Server(ThreadingHTTPServer):
    """Serves one simulator on 127.0.0.1; port 0 takes any free one."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, simulator: Simulator, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.simulator = simulator
        simulator.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what faults are for; anything else is told on standard error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: headers and body in two would wait for each other
    server: Server

    def do_GET(self) -> None:
        simulator, call = self.server.simulator, self._call()
        if call.path.startswith(PREFIX):
            self._whole(control(simulator, call), call)
            return
        if call.fault and call.fault.kind is FaultKind.SLOW:
            time.sleep(call.fault.seconds)
        answer, wire = simulator.answer(call)
        _SENDERS[wire](self, answer, call)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *words: Any) -> None:
        """Say nothing: what was asked stands in the journal."""

    def _call(self) -> Call:
        parts = urlsplit(self.path)
        fault = None
        if not parts.path.startswith(PREFIX):
            fault = self.server.simulator.faults.take(f"{self.command} {parts.path}")
        return Call(
            method=self.command,
            path=parts.path,
            query=parts.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("content-length") or 0)),
            fault=fault,
        )

    def _whole(self, answer: Answer, call: Call) -> None:
        self._head(answer, len(answer.content))
        self.wfile.write(answer.content)

    def _half(self, answer: Answer, call: Call) -> None:
        self._head(answer, len(answer.content))
        self.wfile.write(answer.content[: len(answer.content) // 2])
        self.close_connection = True

    def _garbage(self, answer: Answer, call: Call) -> None:
        self._head(answer, len(GARBAGE))
        self.wfile.write(GARBAGE)

    def _dropped(self, answer: Answer, call: Call) -> None:
        self.close_connection = True

    def _hanging(self, answer: Answer, call: Call) -> None:
        """Wait until the client gives up, which makes its socket readable."""
        select.select([self.connection], [], [], call.fault.seconds if call.fault else 0)
        self.close_connection = True

    def _head(self, answer: Answer, length: int) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(length))
        self.end_headers()


_SENDERS: Mapping[Wire, Callable[[_Handler, Answer, Call], None]] = {
    Wire.WHOLE: _Handler._whole,
    Wire.HALF: _Handler._half,
    Wire.GARBAGE: _Handler._garbage,
    Wire.DROPPED: _Handler._dropped,
    Wire.HANGING: _Handler._hanging,
}


@contextmanager
def served(simulator: AnySimulator, port: int = 0) -> Iterator[AnySimulator]:
    """A simulator at its address, for the length of a block."""
    server = Server(simulator, port)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield simulator
    finally:
        simulator.post.close()
        server.shutdown()
        server.server_close()
