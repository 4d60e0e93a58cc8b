"""Runs migrations as the owner of the schema, on a connection of their own: never in the scope of a tenant.

`quittance migrate` hands its connection over (app/schema.py); `flask db …` opens one from the settings.
"""

from alembic import context
from sqlalchemy import Connection

import app.models  # noqa: F401  (fills the metadata that autogenerate compares with)
from app.config import load_settings
from app.extensions import Base
from app.schema import owner_engine


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


if handed_over := context.config.attributes.get("connection"):
    migrate(handed_over)
else:
    with owner_engine(load_settings().database_url).connect() as own_connection:
        migrate(own_connection)
