"""Payments that are authorized first and captured later."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("manual_capture", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("payments", sa.Column("capture_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payments", sa.Column("decided", sa.String(length=8), nullable=True))


def downgrade() -> None:
    op.drop_column("payments", "decided")
    op.drop_column("payments", "capture_before")
    op.drop_column("payments", "manual_capture")
