"""Invoices that look abnormal wait as drafts, and say why."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invoices", sa.Column("review_reason", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("invoices", "review_reason")
