"""How much of what was authorized is captured."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("capture_minor", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("payments", "capture_minor")
