"""Money that came in outside of any gateway."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ACCOUNT = """
INSERT INTO ledger_accounts (tenant_id, id, code, name, kind)
SELECT id, gen_random_uuid(), 'received_outside', 'Money received outside of gateways', 'asset' FROM tenants
"""
METHODS = "'bank_transfer', 'card_terminal', 'cash', 'cheque', 'other'"


def upgrade() -> None:
    op.alter_column("payments", "gateway_account_id", nullable=True)
    op.add_column("payments", sa.Column("outside_method", sa.String(length=16), nullable=True))
    op.add_column("payments", sa.Column("outside_reference", sa.String(), server_default="", nullable=False))
    op.add_column("payments", sa.Column("received_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint("payments_known_outside_method", "payments", f"outside_method IN ({METHODS})")
    op.create_check_constraint(
        "payments_through_a_gateway_or_outside", "payments", "num_nonnulls(gateway_account_id, outside_method) = 1"
    )
    for table in ("tenants", "ledger_accounts"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(ACCOUNT)
    for table in ("tenants", "ledger_accounts"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for name in ("payments_through_a_gateway_or_outside", "payments_known_outside_method"):
        op.drop_constraint(name, "payments")
    for column in ("received_at", "outside_reference", "outside_method"):
        op.drop_column("payments", column)
    op.alter_column("payments", "gateway_account_id", nullable=False)
