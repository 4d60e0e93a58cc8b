"""How the embedded PostgreSQL is set up for the machine it is on, and for many subscriptions.

PostgreSQL's own defaults suit small ones. docs/operations.md says the same to who runs a server of their own.
"""

from pathlib import Path

import psutil

MEGABYTE = 1024 * 1024
SHARE = 8  # one part in so many of the memory: the rest is for the application, which is on the same machine
FEWEST, MOST = 128, 2048  # megabytes
_LIMIT = Path("/sys/fs/cgroup/memory.max")


def settings() -> dict[str, str]:
    """Settings by their names in postgresql.conf."""
    return {
        # What renewals read and change of a million subscriptions, with their customers and indexes, fits into 1 GB.
        "shared_buffers": f"{shared_megabytes(memory())}MB",
        # After a checkpoint the first change of each page logs the whole page, which is most of what is logged in a
        # large table. With the defaults, renewals at full speed bring about a checkpoint every ten seconds.
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        # What a transaction logs goes to the disk while it works, so that its commit waits for the rest only.
        "wal_writer_delay": "10ms",
    }


def shared_megabytes(available: int) -> int:
    """What of so many bytes of memory the server takes for its buffers: of 8 GB, 1024 MB."""
    return min(MOST, max(FEWEST, available // MEGABYTE // SHARE))


def memory() -> int:
    """Bytes of memory that this machine has, or this container may use."""
    total: int = psutil.virtual_memory().total
    limit = _LIMIT.read_text().strip() if _LIMIT.exists() else "max"
    return min(total, int(limit)) if limit.isdigit() else total
