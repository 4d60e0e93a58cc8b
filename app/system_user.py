"""PostgreSQL refuses to be root, so root runs it as a system user, who must be able to reach its files."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

from app.processes import Owner

NAME = "quittance"


def system_user() -> Owner | None:
    """Whom PostgreSQL runs as, made if need be; None when we are not root and it can run as ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", NAME], check=True)  # noqa: S603, S607
        entry = pwd.getpwnam(NAME)
    return Owner(entry.pw_uid, entry.pw_gid)


def let_pass(directory: Path) -> None:
    """Let everybody walk down to a directory. Passing is not reading: nobody can list what is on the way."""
    for parent in directory.parents:
        _add(parent, stat.S_IXOTH)


def let_read(tree: Path) -> None:
    """Let everybody read and run the programs of a tree, though root may have installed it for itself only."""
    let_pass(tree)
    for path in (tree, *tree.rglob("*")):
        _add(path, stat.S_IROTH | (stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0))


def _add(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
