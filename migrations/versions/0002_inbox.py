"""The inbox of notices, and where gateways send them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# 244 random bits, in hex.
RANDOM_KEY = "replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')"


def upgrade() -> None:
    op.add_column("gateway_accounts", sa.Column("webhook_key", sa.String(length=64), nullable=True))
    op.execute("ALTER TABLE gateway_accounts NO FORCE ROW LEVEL SECURITY")
    op.execute(f"UPDATE gateway_accounts SET webhook_key = {RANDOM_KEY}")
    op.execute("ALTER TABLE gateway_accounts FORCE ROW LEVEL SECURITY")
    op.alter_column("gateway_accounts", "webhook_key", nullable=False)
    op.create_unique_constraint(None, "gateway_accounts", ["webhook_key"])
    op.add_column(
        "gateway_accounts",
        sa.Column("webhook_senders", postgresql.ARRAY(sa.String(length=43)), server_default="{}", nullable=False),
    )
    _inbox()
    protect("inbox_notices")


def downgrade() -> None:
    op.drop_table("inbox_notices")
    op.drop_column("gateway_accounts", "webhook_senders")
    op.drop_column("gateway_accounts", "webhook_key")


def _inbox() -> None:
    op.create_table(
        "inbox_notices",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway_account_id", sa.Uuid(), nullable=False),
        sa.Column("dedupe", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="due", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("subject_id", sa.String(length=64), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "gateway_account_id"], ["gateway_accounts.tenant_id", "gateway_accounts.id"]
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("inbox_notices_once", "inbox_notices", ["gateway_account_id", "dedupe", "tenant_id"], unique=True)
    op.create_index("inbox_notices_due", "inbox_notices", ["due_at"], postgresql_where=sa.text("state = 'due'"))
    op.create_index(
        "inbox_notices_dead", "inbox_notices", ["id", "tenant_id"], postgresql_where=sa.text("state = 'dead'")
    )
