"""The data directory: private, claimed by one at a time, with secrets that stay."""

import base64
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.datadir import DataDir
from app.startup import CannotStart

HOLD = """
import sys
from pathlib import Path
from app.datadir import DataDir
with DataDir.at(Path(sys.argv[1])).claimed() as mine:
    print(mine, flush=True)
    input()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    return DataDir.at(tmp_path / "data")


def test_it_is_made_for_its_owner_only(data_dir: DataDir) -> None:
    assert stat.S_IMODE(data_dir.path.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_written_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="Choose another with --data-dir") as refused:
        DataDir.at(tmp_path / "file" / "data")
    assert refused.value.code == "data_dir_unwritable"


def test_secrets_are_made_once_and_readable_by_the_owner_only(data_dir: DataDir) -> None:
    assert data_dir.secrets() == {}
    made = data_dir.keep_secrets()
    assert data_dir.keep_secrets() == data_dir.secrets() == made
    key_id, _, key = made["ENCRYPTION_KEYS"].partition(":")
    assert (key_id, len(base64.b64decode(key))) == ("k1", 32)
    assert len(made["SECRET_KEY"]) >= 64
    assert stat.S_IMODE((data_dir.path / "secrets.env").stat().st_mode) == 0o600


def test_two_directories_have_different_secrets(tmp_path: Path) -> None:
    one, other = (DataDir.at(tmp_path / name).keep_secrets() for name in ("one", "other"))
    assert one["SECRET_KEY"] != other["SECRET_KEY"]
    assert one["ENCRYPTION_KEYS"] != other["ENCRYPTION_KEYS"]


def test_only_one_can_claim_it_and_the_next_may_when_that_one_is_done(data_dir: DataDir) -> None:
    with data_dir.claimed() as first, data_dir.claimed() as second:
        assert (first, second) == (True, False)
    with data_dir.claimed() as again:
        assert again


def test_a_claim_ends_with_its_process_however_that_ends(data_dir: DataDir) -> None:
    words = [sys.executable, "-c", HOLD, str(data_dir.path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "True\n"
        with data_dir.claimed() as mine:
            assert not mine
        holder.kill()
    with data_dir.claimed() as mine:
        assert mine


def test_what_is_announced_can_be_read_until_the_claim_ends(data_dir: DataDir) -> None:
    variables = {"DATABASE_URL": "postgresql://a@/b?host=/c=d", "SECRET_KEY": "s"}
    with data_dir.claimed():
        assert data_dir.announced() is None
        data_dir.announce(variables)
        assert data_dir.announced() == variables
    assert data_dir.announced() is None


def test_an_announcement_left_behind_by_a_killed_process_is_taken_away_by_the_next(data_dir: DataDir) -> None:
    data_dir.announce({"BASE_URL": "http://nobody.example"})
    with data_dir.claimed():
        assert data_dir.announced() is None


def test_a_text_is_kept_for_the_owner_only(data_dir: DataDir) -> None:
    assert data_dir.recall("access.txt") == ""
    data_dir.remember("access.txt", "two\nlines")
    assert data_dir.recall("access.txt") == "two\nlines"
    assert stat.S_IMODE((data_dir.path / "access.txt").stat().st_mode) == 0o600
