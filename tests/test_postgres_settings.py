"""The embedded PostgreSQL takes what suits the machine, and no more."""

from pathlib import Path

import psutil
import pytest

from app import postgres_settings

GIGABYTE = 1024**3


@pytest.mark.parametrize(
    ("memory", "megabytes"),
    [
        (GIGABYTE // 2, 128),  # an eighth would be 64, below PostgreSQL's own default
        (GIGABYTE, 128),
        (8 * GIGABYTE, 1024),
        (16 * GIGABYTE, 2048),
        (256 * GIGABYTE, 2048),  # more than renewals of a million subscriptions want
    ],
)
def test_buffers_are_an_eighth_of_the_memory_within_bounds(memory: int, megabytes: int) -> None:
    assert postgres_settings.shared_megabytes(memory) == megabytes


@pytest.mark.parametrize(("limit", "is_less"), [("268435456\n", True), ("max\n", False), (None, False)])
def test_the_limit_of_a_container_counts(
    limit: str | None, is_less: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "memory.max"
    if limit:
        file.write_text(limit)
    whole = psutil.virtual_memory().total
    monkeypatch.setattr(postgres_settings, "_LIMIT", file)
    assert postgres_settings.memory() == (268_435_456 if is_less else whole)
