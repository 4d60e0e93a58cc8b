"""Rules for which gateway account takes a payment, and the circuit breaker of each account."""

import sqlalchemy as sa
from alembic import op

from migrations.walls import protect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateway_accounts", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.add_column("gateway_accounts", sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "routing_rules",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway_account_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=True),
        sa.Column("min_minor", sa.BigInteger(), nullable=True),
        sa.Column("max_minor", sa.BigInteger(), nullable=True),
        sa.Column("on_decline", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("weight > 0", name="routing_rules_weight"),
        sa.CheckConstraint(
            "currency IS NOT NULL OR (min_minor IS NULL AND max_minor IS NULL)", name="routing_rules_currency"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "gateway_account_id"], ["gateway_accounts.tenant_id", "gateway_accounts.id"]
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    protect("routing_rules")


def downgrade() -> None:
    op.drop_table("routing_rules")
    for column in ("paused_until", "failures"):
        op.drop_column("gateway_accounts", column)
