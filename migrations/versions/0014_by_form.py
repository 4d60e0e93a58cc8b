"""Payments that their payers finish on the gateway's form, on our own page."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("by_form", sa.Boolean(), server_default="false", nullable=False))


def downgrade() -> None:
    op.drop_column("payments", "by_form")
