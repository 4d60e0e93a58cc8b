"""PostgreSQL and Redis for one test run, kept by a process of their own: the workers of a run share them.

`python -m tests.servers DIRECTORY PID` keeps them until the process PID, which runs the tests, is gone.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from app import schema
from app.embedded import Postgres, RedisServer
from app.processes import wait_until

TEMPLATE = "migrated"
START_SECONDS = 90.0
# A test run may lose its data with the machine; it does not wait for disks.
IN_A_HURRY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "200"}


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of the run in a directory, seen from one of its workers."""

    directory: Path
    worker: int

    def database_url(self) -> str:
        """A migrated, empty database of this worker's own, made if need be."""
        postgres = Postgres(self.directory)
        name = f"worker_{self.worker}"
        postgres.create_database(name, TEMPLATE)
        return postgres.url(name)

    def redis_url(self) -> str:
        """A Redis database of this worker's own."""
        return RedisServer(self.directory).url(self.worker)


def join(directory: Path, runner: int, worker: int) -> Servers:
    """The servers of a run, started by whichever worker needs them first; `runner` is the process they live with."""
    with (directory / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "ready").exists():
            words = [sys.executable, "-m", "tests.servers", str(directory), str(runner)]
            keeper = subprocess.Popen(words, cwd=Path(__file__).parent.parent, start_new_session=True)
            wait_until(lambda: (directory / "ready").exists() or keeper.poll() is not None, START_SECONDS)
            if keeper.poll() is not None:
                raise RuntimeError(f"The servers for the tests did not start, see {directory}/*.log")
    return Servers(directory, worker)


def end(directory: Path) -> None:
    """End the servers of a run, if there are any."""
    ready = directory / "ready"
    if ready.exists():
        os.kill(int(ready.read_text()), signal.SIGTERM)
        wait_until(lambda: not ready.exists(), START_SECONDS)


def keep(directory: Path, runner: int) -> None:
    """Run the servers until SIGTERM, or until the process that runs the tests is gone."""
    postgres, redis = Postgres(directory, IN_A_HURRY), RedisServer(directory)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        postgres.start()
        redis.start()
        postgres.create_database(TEMPLATE)
        schema.upgrade(postgres.url(TEMPLATE))
        (directory / "ready").write_text(str(os.getpid()))
        while psutil.pid_exists(runner):
            time.sleep(0.2)
    except KeyboardInterrupt:
        pass
    finally:
        redis.stop()
        postgres.stop()
        (directory / "ready").unlink(missing_ok=True)
        shutil.rmtree(directory, ignore_errors=True)  # nobody else does when the run was killed


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
