"""The life of a subscription: how plans are billed and prorated, changes inside a period, pauses, what comes next."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MODES = "('day', 'full', 'next_period', 'none', 'second')"
PLAN_WORDS = (
    ("bill", 10, "in_advance", "('in_advance', 'in_arrears')"),
    ("first_period", 7, "prorate", "('free', 'full', 'prorate')"),
    ("proration_upgrade", 11, "second", MODES),
    ("proration_downgrade", 11, "second", MODES),
    ("proration_counted", 6, "second", "('day', 'second')"),
)


def upgrade() -> None:
    for name, length, default, words in PLAN_WORDS:
        op.add_column("plans", sa.Column(name, sa.String(length), server_default=default, nullable=False))
        op.create_check_constraint(f"plans_known_{name}", "plans", f"{name} IN {words}")
    for column in _subscription_columns():
        op.add_column("subscriptions", column)
    op.create_foreign_key(None, "subscriptions", "plans", ["tenant_id", "next_plan_id"], ["tenant_id", "id"])
    op.drop_constraint("subscriptions_quantity_positive", "subscriptions")
    op.create_check_constraint(
        "subscriptions_quantity_positive", "subscriptions", "quantity > 0 AND next_quantity > 0"
    )
    op.create_check_constraint(
        "subscriptions_next_terms_whole", "subscriptions", "(next_plan_id IS NULL) = (next_quantity IS NULL)"
    )
    op.create_check_constraint(
        "subscriptions_pause_whole",
        "subscriptions",
        "(status = 'paused') = (paused_at IS NOT NULL) AND (paused_at IS NULL) = (paused_billing IS NULL)"
        " AND (paused_at IS NULL) = (paused_status IS NULL) AND (paused_at IS NOT NULL OR resume_at IS NULL)",
    )
    op.add_column("invoice_lines", sa.Column("charge_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "invoice_lines", "charges", ["tenant_id", "charge_id"], ["tenant_id", "id"])


def downgrade() -> None:
    op.drop_column("invoice_lines", "charge_id")
    for name in ("subscriptions_pause_whole", "subscriptions_next_terms_whole", "subscriptions_quantity_positive"):
        op.drop_constraint(name, "subscriptions")
    for column in _subscription_columns():
        op.drop_column("subscriptions", column.name)
    op.create_check_constraint("subscriptions_quantity_positive", "subscriptions", "quantity > 0")
    for name, *_ in PLAN_WORDS:
        op.drop_column("plans", name)


def _subscription_columns() -> list[sa.Column]:
    instant = sa.DateTime(timezone=True)
    return [
        sa.Column("fraction", sa.String(80), nullable=True),
        sa.Column("state", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("changed_at", instant, nullable=True),
        sa.Column("metered_from", instant, nullable=True),
        sa.Column("next_plan_id", sa.Uuid(), nullable=True),
        sa.Column("next_quantity", sa.Integer(), nullable=True),
        sa.Column("paused_at", instant, nullable=True),
        sa.Column("resume_at", instant, nullable=True),
        sa.Column("paused_billing", sa.String(4), nullable=True),
        sa.Column("paused_status", sa.String(16), nullable=True),
    ]
