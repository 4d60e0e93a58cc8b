"""A world that is furnished once and put back for each test that looks at it, which takes no time."""

import shutil
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.kept import Database, Rows
from tests.web.admin.desk import World


@dataclass(frozen=True, slots=True)
class Furnished:
    """A tenant, the instant from which its story is told, and what there is."""

    tenant: str
    at: datetime
    world: World


@dataclass(frozen=True, slots=True)
class Kept:
    """What a furnished tenant left in the database and at its bank."""

    furnished: Furnished
    rows: Rows
    banks: Path

    def put_back(self, database: Database, banks: Path) -> Furnished:
        """Fill the empty database and the bank again; gives a world of the test's own."""
        database.put_back(self.rows)
        shutil.copytree(self.banks, banks, dirs_exist_ok=True)
        return deepcopy(self.furnished)
