"""What people say of payments and refunds that their gateway does not tell of."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("payments", "refunds")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("attested", sa.String(length=16), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "attested")
