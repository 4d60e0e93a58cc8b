"""The crash test itself, short: the long one is `make crashtest`."""

import re
import subprocess
import sys

KILLS = 8
LAST_LINE = rf"{KILLS} kills, \d+ faults, 0 charged twice, 0 lost, 0 unresolved"


def test_processes_are_killed_at_work_and_the_books_agree() -> None:
    words = [sys.executable, "-m", "crashtest", "--kills", str(KILLS), "--seed", "7"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.fullmatch(LAST_LINE, ended.stdout.splitlines()[-1])
    assert ended.stdout.startswith("SEED=7 ")
