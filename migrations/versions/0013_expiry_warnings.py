"""When customers are told that a payment method of theirs expires."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("payment_methods", "customers")
PLAN = """
    UPDATE payment_methods SET warn_at =
        (make_timestamp(exp_year, exp_month, 1, 9, 0, 0) - interval '30 days') AT TIME ZONE customers.timezone
    FROM customers
    WHERE customers.tenant_id = payment_methods.tenant_id AND customers.id = payment_methods.customer_id
        AND removed_at IS NULL AND exp_month BETWEEN 1 AND 12
        AND make_timestamp(exp_year, exp_month, 1, 0, 0, 0) + interval '1 month' > now()
"""


def upgrade() -> None:
    for column in ("warn_at", "warned_at"):
        op.add_column("payment_methods", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(PLAN)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.create_index(
        "payment_methods_to_warn",
        "payment_methods",
        ["tenant_id", "warn_at"],
        unique=False,
        postgresql_where=sa.text("warn_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("payment_methods_to_warn", table_name="payment_methods")
    for column in ("warned_at", "warn_at"):
        op.drop_column("payment_methods", column)
