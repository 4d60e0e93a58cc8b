"""The migrations and the mapped classes describe one schema."""

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import app.models  # noqa: F401  (fills the metadata)
from app import schema
from app.config import Settings
from app.extensions import Base


def test_a_migrated_database_is_at_head(settings: Settings) -> None:
    assert schema.current(settings.database_url) == schema.head() is not None


def test_migrations_make_exactly_the_tables_of_the_models(settings: Settings) -> None:
    with schema.owner_engine(settings.database_url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrating_again_changes_nothing(settings: Settings) -> None:
    schema.upgrade(settings.database_url)
    with psycopg.connect(settings.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
