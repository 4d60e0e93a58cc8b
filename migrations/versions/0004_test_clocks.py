"""Test clocks, and the customers who live by them.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from migrations.walls import protect

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "test_clocks",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("now_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=9), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('ready', 'advancing', 'failed')", name="test_clocks_known_status"),
        sa.CheckConstraint("now_at <= target_at", name="test_clocks_forward"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index(
        "test_clocks_advancing", "test_clocks", ["tenant_id", "id"], postgresql_where=sa.text("status = 'advancing'")
    )
    protect("test_clocks")
    op.add_column("customers", sa.Column("test_clock_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        None, "customers", "test_clocks", ["tenant_id", "test_clock_id"], ["tenant_id", "id"]
    )
    op.create_index(
        "customers_on_clocks",
        "customers",
        ["test_clock_id", "tenant_id"],
        postgresql_where=sa.text("test_clock_id IS NOT NULL"),
    )
    op.add_column("mails", sa.Column("customer_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "mails", "customers", ["tenant_id", "customer_id"], ["tenant_id", "id"])


def downgrade() -> None:
    op.drop_column("mails", "customer_id")
    op.drop_column("customers", "test_clock_id")
    op.drop_table("test_clocks")
