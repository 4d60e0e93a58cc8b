"""The simulators in a process of their own, and what a harness asks of them through their control endpoint."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from simulators import SIMULATORS
from simulators.books import Taken

SECONDS = 10
DECLINES: Mapping[str, str] = {
    "adyen": "2",
    "paypal": "0500",
    "square": "GENERIC_DECLINE",
    "stripe": "insufficient_funds",
}


@dataclass(frozen=True, slots=True)
class Outside:
    """One gateway's simulator at its address."""

    name: str
    url: str

    def account(self) -> dict[str, str]:
        """The credentials of its merchant."""
        return dict(self._ask("GET", "account"))

    def send_webhooks(self, url: str, **badly: float) -> None:
        """Send them there from now on."""
        self._ask("PUT", "webhooks", {"url": url, **badly})

    def fail(self, rate: float, seed: int, kinds: Sequence[str]) -> None:
        """Let requests fail at random from now on, of whatever method, and charges be declined."""
        wish = {"rate": rate, "seed": seed, "kinds": list(kinds), "on": "", "code": DECLINES.get(self.name, "")}
        self._ask("POST", "faults", wish)

    def work_well(self) -> int:
        """Nothing fails from now on; gives how many faults have struck since it began."""
        self._ask("DELETE", "faults")
        return int(self._ask("GET", "faults")["struck"])

    def act(self, do: str, **words: Any) -> Any:
        """Make something happen that payers, banks or time would do."""
        return self._ask("POST", "actions", {"do": do, **words})["done"]

    def taken(self) -> list[Taken]:
        """What it took, by its own books."""
        return [Taken(**row) for row in self._ask("GET", "books")["taken"]]

    def _ask(self, method: str, what: str, wish: Mapping[str, Any] | None = None) -> Any:
        answer = requests.request(method, f"{self.url}/_control/{what}", json=wish, timeout=SECONDS)
        if answer.status_code != 200:
            raise RuntimeError(f"{self.name} does not {method} {what} {wish}: {answer.text}")
        return answer.json()


@contextmanager
def simulators() -> Iterator[dict[str, Outside]]:
    """All simulators, by the names of their gateways."""
    words = [sys.executable, "-m", "simulators", "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        lines = [(process.stdout.readline() if process.stdout else "").split() for _ in SIMULATORS]
        yield {name: Outside(name, url) for name, url in lines}
    finally:
        process.kill()
        process.wait()
