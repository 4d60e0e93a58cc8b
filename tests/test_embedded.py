"""The embedded servers: real ones, that keep what they are told and leave nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from app.embedded import Postgres, RedisServer
from app.processes import wait_until
from app.startup import CannotStart

RUN_BOTH = """
import sys
from pathlib import Path
from app.embedded import Postgres, RedisServer
postgres, redis = Postgres(Path(sys.argv[1])), RedisServer(Path(sys.argv[1]))
postgres.start(), redis.start()
print(postgres.pid, redis.pid, flush=True)
input()
"""


@pytest.fixture
def here(place: Callable[[], Path]) -> Path:
    """The data directory of the servers."""
    return place()


@pytest.fixture
def postgres(here: Path) -> Iterator[Postgres]:
    server = Postgres(here, {"fsync": "off"})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(here: Path) -> Iterator[RedisServer]:
    server = RedisServer(here)
    server.start()
    yield server
    server.stop()


def test_postgresql_is_new_reads_all_letters_and_listens_on_no_network(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url("postgres")) as connection:
        assert connection.info.server_version >= 180000
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SELECT lower('ÀÉÎ'), 'Z' < 'a'").fetchone() == ("àéî", True)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
        assert connection.execute("SHOW wal_writer_delay").fetchone() == ("10ms",)


def test_making_a_database_twice_makes_it_once(postgres: Postgres) -> None:
    for _ in range(2):
        postgres.create_database("books")
    with psycopg.connect(postgres.url("books")) as connection:
        assert connection.info.dbname == "books"


def test_postgresql_keeps_its_rows_over_a_stop_and_over_a_kill(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url("postgres")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS row")
    postgres.stop()
    postgres.start()
    os.kill(postgres.pid or 0, signal.SIGKILL)
    assert wait_until(lambda: not postgres.running(), 30)
    assert wait_until(lambda: _starts(postgres), 60)
    with psycopg.connect(postgres.url("postgres")) as connection:
        assert connection.execute("SELECT * FROM kept").fetchall() == [(1,)]


def _starts(postgres: Postgres) -> bool:
    """Its children may need a moment to notice that it was killed; until then a start is refused."""
    try:
        postgres.start()
    except CannotStart:
        return False
    return True


def test_redis_keeps_its_keys_over_a_stop(redis: RedisServer) -> None:
    Redis.from_url(redis.url()).set("kept", "yes")
    redis.stop()
    redis.start()
    assert Redis.from_url(redis.url()).get("kept") == b"yes"
    assert Redis.from_url(redis.url(1)).get("kept") is None


def test_redis_listens_on_a_socket_of_its_owner_only(redis: RedisServer) -> None:
    client = Redis.from_url(redis.url())
    assert client.config_get("port") == {"port": "0"}
    assert client.config_get("unixsocketperm") == {"unixsocketperm": "700"}


def test_a_path_too_long_for_a_socket_and_with_spaces_is_no_obstacle(here: Path) -> None:
    long = here / ("a directory with a long name " * 5).strip()
    long.mkdir()
    postgres, redis = Postgres(long, {"fsync": "off"}), RedisServer(long)
    try:
        postgres.start()
        redis.start()
        assert postgres.answers()
        assert redis.answers()
    finally:
        redis.stop()
        postgres.stop()
    assert not postgres.socket.parent.exists()
    assert not redis.socket.parent.exists()


def test_a_directory_that_another_user_made_is_not_trusted(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(CannotStart, match="belongs to another user") as refused:
        RedisServer(here).start()
    assert refused.value.code == "not_ours"


def test_servers_that_outlived_their_parent_do_not_block_the_next_ones(here: Path) -> None:
    words = [sys.executable, "-c", RUN_BOTH, str(here)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        orphans = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(orphans) == 2
        parent.kill()
    postgres, redis = Postgres(here), RedisServer(here)
    try:
        postgres.start()
        redis.start()
        assert {postgres.pid, redis.pid}.isdisjoint({orphan.pid for orphan in orphans})
        assert postgres.answers()
        assert redis.answers()
    finally:
        redis.stop()
        postgres.stop()


def test_a_number_in_the_pid_file_that_is_another_programs_is_left_alone(here: Path) -> None:
    postgres = Postgres(here, {"fsync": "off"})
    postgres.start()
    postgres.stop()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        (here / "postgresql" / "postmaster.pid").write_text(f"{innocent.pid}\n")
        postgres.start()
        assert postgres.answers()
        assert innocent.poll() is None
        postgres.stop()
        innocent.kill()


def test_a_server_that_cannot_start_names_its_log(here: Path) -> None:
    postgres = Postgres(here, {"no_such_setting": "1"})
    with pytest.raises(CannotStart, match=str(here / "postgresql.log")) as refused:
        postgres.start()
    assert refused.value.code == "postgresql_failed"


def test_without_any_redis_server_one_line_says_how_to_get_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(here))
    monkeypatch.setattr("app.embedded.find_spec", lambda package: None)
    with pytest.raises(CannotStart, match="apt-get install redis-server") as refused:
        RedisServer(here)
    assert refused.value.code == "redis_missing"
