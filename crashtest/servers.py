"""The real `quittance web` and `quittance worker`, which are killed on the way."""

import socket
from collections.abc import Mapping

import requests
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from app.jobs.queues import QUEUES, ROUTINE, ring
from app.jobs.schedule import PERIODIC
from app.processes import wait_until
from crashtest.dying import SECONDS, Doom, Fate, Hung, start


class Web:
    """The web server, with one process that serves."""

    def __init__(self, variables: Mapping[str, str], doom: Doom) -> None:
        with socket.create_server(("127.0.0.1", 0)) as ear:
            port = ear.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._process = start(("web", "--port", str(port)), {**variables, "WEB_WORKERS": "1"}, doom)
        if not wait_until(self._answers, SECONDS):
            raise Hung("the web server does not answer")

    def stop(self) -> Fate:
        """Let it finish what it is doing, if it still lives; gives how it ended."""
        return self._process.stop()

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health/live", timeout=5).ok
        except requests.ConnectionError:
            return False


def work(variables: Mapping[str, str], redis: Redis, doom: Doom) -> Fate:
    """Let a worker do all that is rung for periodically, and what follows from it, until it has nothing to do or dies.

    What a killed one has left in its queue, the next one finds there.
    """
    for row in PERIODIC:
        ring(redis, ROUTINE, row.job)
    worker = start(("worker",), variables, doom)
    queues = [Queue(name, connection=redis, serializer=JSONSerializer) for name in QUEUES]
    wait_until(lambda: worker.has_ended or not any(queue.count for queue in queues), SECONDS)
    return worker.stop()
