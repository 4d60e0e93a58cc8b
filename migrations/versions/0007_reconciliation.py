"""Disputes, fees, late money, and the comparison of our books with the gateways'."""

import sqlalchemy as sa
from alembic import op

from migrations.walls import protect

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BANK = """
INSERT INTO ledger_accounts (tenant_id, id, code, name, kind)
SELECT id, gen_random_uuid(), 'bank', 'Money paid out to the bank', 'asset' FROM tenants
"""


def upgrade() -> None:
    zero = sa.text("0")
    op.add_column("payments", sa.Column("received_minor", sa.BigInteger(), nullable=True))
    op.add_column("payments", sa.Column("kept_minor", sa.BigInteger(), server_default=zero, nullable=False))
    op.add_column("payments", sa.Column("fee_minor", sa.BigInteger(), server_default=zero, nullable=False))
    op.add_column("payments", sa.Column("fee_currency", sa.String(length=3), nullable=True))
    _disputes()
    _reconciliations()
    _differences()
    for table in ("disputes", "reconciliations", "differences"):
        protect(table)
    for table in ("tenants", "ledger_accounts"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(BANK)
    for table in ("tenants", "ledger_accounts"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for table in ("differences", "reconciliations", "disputes"):
        op.drop_table(table)
    for column in ("fee_currency", "fee_minor", "kept_minor", "received_minor"):
        op.drop_column("payments", column)


def _of_an_account(prefix: tuple[sa.Column, ...], *columns: sa.schema.SchemaItem) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *prefix,
        sa.Column("gateway_account_id", sa.Uuid(), nullable=False),
        *columns,
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "gateway_account_id"], ["gateway_accounts.tenant_id", "gateway_accounts.id"]
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )


def _instant(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _disputes() -> None:
    op.create_table(
        "disputes",
        *_of_an_account(
            (
                sa.Column("payment_id", sa.Uuid(), nullable=False),
                sa.Column("customer_id", sa.Uuid(), nullable=False),
            ),
            sa.Column("gateway_ref", sa.String(length=255), nullable=False),
            sa.Column("status", sa.String(length=16), nullable=False),
            sa.Column("currency", sa.String(length=3), nullable=False),
            sa.Column("amount_minor", sa.BigInteger(), nullable=False),
            sa.Column("reason", sa.String(), nullable=False),
            _instant("opened_at"),
            _instant("respond_by", nullable=True),
            _instant("asked_at"),
            sa.CheckConstraint(
                "status IN ('accepted', 'closed', 'inquiry', 'lost', 'open', 'under_review', 'won')",
                name="disputes_known_status",
            ),
            sa.CheckConstraint("amount_minor > 0", name="disputes_positive"),
            sa.ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.id"]),
            sa.ForeignKeyConstraint(["tenant_id", "customer_id"], ["customers.tenant_id", "customers.id"]),
        ),
    )
    op.create_index("disputes_once", "disputes", ["gateway_account_id", "gateway_ref", "tenant_id"], unique=True)
    op.create_index("disputes_by_payment", "disputes", ["payment_id", "tenant_id"])
    op.create_index("disputes_by_customer", "disputes", ["customer_id", "tenant_id"])


def _reconciliations() -> None:
    op.create_table(
        "reconciliations",
        *_of_an_account(
            (),
            _instant("since"),
            _instant("until"),
            sa.Column("state", sa.String(length=8), server_default="due", nullable=False),
            _instant("due_at"),
            _instant("leased_until", nullable=True),
            sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
            sa.Column("last_error", sa.String(), nullable=True),
            sa.Column("listed", sa.Integer(), nullable=True),
            _instant("compared_at", nullable=True),
        ),
    )
    once = ["gateway_account_id", "since", "until", "tenant_id"]
    op.create_index("reconciliations_once", "reconciliations", once, unique=True)
    op.create_index("reconciliations_due", "reconciliations", ["due_at"], postgresql_where=sa.text("state = 'due'"))


def _differences() -> None:
    op.create_table(
        "differences",
        *_of_an_account(
            (),
            sa.Column("kind", sa.String(length=32), nullable=False),
            sa.Column("reference", sa.String(length=255), nullable=False),
            sa.Column("subject_id", sa.String(length=64), nullable=True),
            sa.Column("theirs_minor", sa.BigInteger(), nullable=True),
            sa.Column("theirs_currency", sa.String(length=3), nullable=True),
            sa.Column("ours_minor", sa.BigInteger(), nullable=True),
            sa.Column("ours_currency", sa.String(length=3), nullable=True),
            sa.Column("detail", sa.String(), server_default="", nullable=False),
            _instant("at"),
            sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
            _instant("seen_at"),
            _instant("ended_at", nullable=True),
        ),
    )
    once = ["gateway_account_id", "kind", "reference", "tenant_id"]
    op.create_index("differences_once", "differences", once, unique=True)
    op.create_index(
        "differences_open",
        "differences",
        ["gateway_account_id", "at", "tenant_id"],
        postgresql_where=sa.text("state = 'open'"),
    )
