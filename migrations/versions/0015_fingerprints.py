"""By which the same card is known at two customers."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_methods", sa.Column("fingerprint", sa.String(length=255), nullable=True))
    op.create_index(
        "payment_methods_by_fingerprint",
        "payment_methods",
        ["fingerprint", "tenant_id"],
        unique=False,
        postgresql_where=sa.text("fingerprint IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("payment_methods_by_fingerprint", table_name="payment_methods")
    op.drop_column("payment_methods", "fingerprint")
