"""Payments that their payer finishes with the gateway: on which phone, and whether what they pay with is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("phone", sa.String(length=15), nullable=True))
    op.add_column("payments", sa.Column("keep_method", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("payments", sa.Column("return_url", sa.String(), nullable=True))


def downgrade() -> None:
    for column in ("return_url", "keep_method", "phone"):
        op.drop_column("payments", column)
