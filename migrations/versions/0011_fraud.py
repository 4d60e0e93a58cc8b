"""What a seller watches payments with, and what is known of each payment for that."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import protect

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("ip", sa.String(length=45), nullable=True))
    op.add_column("payments", sa.Column("challenge", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("payments", sa.Column("findings", postgresql.JSONB(), server_default="{}", nullable=False))
    op.create_index(
        "payments_by_ip", "payments", ["ip", "tenant_id"], unique=False, postgresql_where=sa.text("ip IS NOT NULL")
    )
    op.create_table(
        "fraud_rules",
        *_row(),
        sa.Column("signal", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("at_least", sa.Integer(), nullable=False),
        _made_at(),
        sa.CheckConstraint("at_least > 0", name="fraud_rules_at_least"),
        *_keys(),
    )
    op.create_table(
        "fraud_entries",
        *_row(),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=254), nullable=False),
        sa.Column("allow", sa.Boolean(), nullable=False),
        _made_at(),
        sa.UniqueConstraint("kind", "value", "tenant_id"),
        *_keys(),
    )
    op.create_table(
        "fraud_reviews",
        *_row(),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("payment_method_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.Column("signals", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("facts", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        _made_at(),
        sa.CheckConstraint("status IN ('open', 'released', 'refused')", name="fraud_reviews_known_status"),
        sa.ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoices.tenant_id", "invoices.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "customer_id"], ["customers.tenant_id", "customers.id"]),
        *_keys(),
    )
    op.create_index("fraud_reviews_by_invoice", "fraud_reviews", ["invoice_id", "tenant_id"], unique=False)
    op.create_index(
        "fraud_reviews_one_open",
        "fraud_reviews",
        ["tenant_id", "invoice_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    for table in ("fraud_rules", "fraud_entries", "fraud_reviews"):
        protect(table)


def downgrade() -> None:
    for table in ("fraud_reviews", "fraud_entries", "fraud_rules"):
        op.drop_table(table)
    op.drop_index("payments_by_ip", table_name="payments")
    for column in ("findings", "challenge", "ip"):
        op.drop_column("payments", column)


def _row() -> tuple[sa.Column[object], ...]:
    return sa.Column("tenant_id", sa.Uuid(), nullable=False), sa.Column("id", sa.Uuid(), nullable=False)


def _made_at() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _keys() -> tuple[sa.Constraint, ...]:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]), sa.PrimaryKeyConstraint("tenant_id", "id")
