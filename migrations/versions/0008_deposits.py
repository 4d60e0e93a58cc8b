"""Payments on a chain: prices held, deposits, how far a chain was read, and a number for each attempt's address."""

import sqlalchemy as sa
from alembic import op

from migrations.walls import protect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

RAW = sa.Numeric(precision=78, scale=0)
EXACT = sa.Numeric(precision=38, scale=12)
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("payments", sa.Column("choice", sa.String(length=32), server_default="", nullable=False))
    op.add_column("payments", sa.Column("number", sa.BigInteger(), nullable=True))
    op.create_index("payments_number", "payments", ["gateway_account_id", "number", "tenant_id"], unique=True)
    _quotes()
    _deposits()
    _cursors()
    for table in ("payment_quotes", "deposits", "chain_cursors"):
        protect(table)


def downgrade() -> None:
    for table in ("chain_cursors", "deposits", "payment_quotes"):
        op.drop_table(table)
    op.drop_index("payments_number", "payments")
    for column in ("number", "choice"):
        op.drop_column("payments", column)


def _table(name: str, *parts: sa.schema.SchemaItem, references: dict[str, str]) -> None:
    op.create_table(
        name,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(column, sa.Uuid(), nullable=False) for column in references),
        *parts,
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        *(
            sa.ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])
            for column, table in references.items()
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )


def _quotes() -> None:
    _table(
        "payment_quotes",
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.String(length=16), nullable=False),
        sa.Column("decimals", sa.Integer(), nullable=False),
        sa.Column("contract", sa.String(length=42), nullable=False),
        sa.Column("address", sa.String(length=42), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("raw", RAW, nullable=False),
        sa.Column("least", RAW, nullable=False),
        sa.Column("rate", EXACT, nullable=False),
        sa.Column("rate_source", sa.String(length=255), nullable=False),
        sa.Column("from_block", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("closes_at", TIME, nullable=False),
        sa.Column("watched_until", TIME, nullable=False),
        sa.UniqueConstraint("payment_id", "tenant_id"),
        sa.UniqueConstraint("chain_id", "address", "tenant_id"),
        references={"payment_id": "payments", "gateway_account_id": "gateway_accounts"},
    )
    op.create_index(
        "payment_quotes_watched", "payment_quotes", ["gateway_account_id", "watched_until", "tenant_id"]
    )


def _deposits() -> None:
    _table(
        "deposits",
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.String(length=66), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("contract", sa.String(length=42), nullable=False),
        sa.Column("sender", sa.String(length=42), nullable=False),
        sa.Column("address", sa.String(length=42), nullable=False),
        sa.Column("raw", RAW, nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.String(length=66), nullable=False),
        sa.Column("block_at", TIME, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=16), server_default="", nullable=False),
        sa.Column("symbol", sa.String(length=16), server_default="", nullable=False),
        sa.Column("decimals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("rate", EXACT, nullable=True),
        sa.Column("rate_source", sa.String(length=255), nullable=True),
        sa.Column("worth_minor", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("status IN ('confirmed', 'detected', 'reorged')", name="deposits_known_status"),
        sa.UniqueConstraint("gateway_account_id", "tx_hash", "log_index", "tenant_id"),
        references={"payment_id": "payments", "gateway_account_id": "gateway_accounts"},
    )
    op.create_index("deposits_by_payment", "deposits", ["payment_id", "tenant_id"])
    op.create_index("deposits_by_block", "deposits", ["gateway_account_id", "block", "tenant_id"])
    op.create_index(
        "deposits_to_review", "deposits", ["tenant_id", "created_at"], postgresql_where=sa.text("verdict = 'review'")
    )


def _cursors() -> None:
    _table(
        "chain_cursors",
        sa.Column("last_block", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.String(length=66), nullable=False),
        sa.Column("final_block", sa.BigInteger(), nullable=False),
        sa.Column("final_at", TIME, nullable=False),
        sa.Column("read_at", TIME, nullable=False),
        sa.UniqueConstraint("gateway_account_id", "tenant_id"),
        references={"gateway_account_id": "gateway_accounts"},
    )
