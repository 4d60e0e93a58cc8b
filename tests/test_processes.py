"""Children end with their parent and are started again with growing pauses."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.processes import Child, Program, Watch, wait_until

FOREVER = (sys.executable, "-c", "import time; time.sleep(600)")
STUBBORN = (sys.executable, "-c", "import signal, time; signal.signal(15, 1); print(flush=True); time.sleep(600)")
WITH_CHILD = (sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '600'])")
PARENT = """
import sys
from app.processes import Child, Program
child = Child("child", Program((sys.executable, "-c", "import time; time.sleep(600)")))
child.start()
print(child.pid, flush=True)
input()
"""


@pytest.fixture
def child() -> Iterator[Child]:
    forever = Child("forever", Program(FOREVER))
    forever.start()
    yield forever
    forever.stop()


def test_a_child_runs_until_it_is_stopped(child: Child) -> None:
    assert child.running()
    child.stop()
    assert not child.running()


def test_stopping_twice_is_no_harm(child: Child) -> None:
    child.stop()
    child.stop()
    assert not child.running()


def test_a_child_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.processes.PATIENCE_SECONDS", 0.1)
    stubborn = Child("stubborn", Program(STUBBORN, log=tmp_path / "log"))
    stubborn.start()
    assert wait_until(lambda: (tmp_path / "log").read_text() != "", 30)
    stubborn.stop()
    assert not stubborn.running()


def test_grandchildren_end_with_the_child(tmp_path: Path) -> None:
    family = Child("family", Program(WITH_CHILD, log=tmp_path / "log"))
    family.start()
    parent = psutil.Process(family.pid)
    assert wait_until(lambda: bool(parent.children()), 30)
    grandchild = parent.children()[0]
    parent.kill()
    assert wait_until(lambda: not family.running(), 30)
    assert wait_until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE, 30)


def test_a_child_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 30)
    parent.communicate()


def test_what_a_child_says_is_added_to_its_log(tmp_path: Path) -> None:
    for _ in range(2):
        Program((sys.executable, "-c", "print('said')"), log=tmp_path / "log").run()
    assert (tmp_path / "log").read_text() == "said\nsaid\n"


def test_a_program_that_fails_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        Program((sys.executable, "-c", "raise SystemExit(3)")).run()


def test_a_watch_leaves_alone_what_runs(child: Child) -> None:
    watch, first = Watch(child), child.pid
    watch.look(now=1000.0)
    assert (child.pid, watch.falls) == (first, 0)


def test_a_watch_pauses_longer_after_each_fall(child: Child) -> None:
    watch, now, pauses = Watch(child), 1000.0, []
    for _ in range(9):
        _kill(child)
        watch.look(now)
        assert not child.running()  # not at once
        fell = now
        while not child.running():
            now += 0.25
            watch.look(now)
        pauses.append(now - fell)
    # 0.25 s × 2^falls, at most half a minute
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_a_fall_after_a_steady_minute_counts_as_the_first(child: Child) -> None:
    watch = Watch(child)
    for now in (1000.0, 1010.0):
        _kill(child)
        watch.look(now)
        watch.look(now + 5)
    assert watch.falls == 2
    _kill(child)
    watch.look(1015.0 + 61)
    assert watch.falls == 1


def test_a_start_that_fails_counts_as_a_fall(tmp_path: Path) -> None:
    nowhere = Child("nowhere", Program((str(tmp_path / "no-such-program"),)))
    watch = Watch(nowhere)
    watch.look(1000.0)
    watch.look(1001.0)
    assert watch.falls == 2


def test_waiting_gives_up_in_time() -> None:
    assert not wait_until(lambda: False, 0.1)


def _kill(child: Child) -> None:
    psutil.Process(child.pid).send_signal(signal.SIGKILL)
    assert wait_until(lambda: not child.running(), 30)
