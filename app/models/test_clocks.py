"""Test clocks: simulated time for customers of tenants in test mode."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TenantRow, instant, key


class TestClock(TenantRow):
    """A clock that stands still until it is advanced. For the customers on it, `now_at` is the present.

    While it is `advancing` to `target_at`, whoever moves it holds a lease by the database's clock, by which `moved_at`
    is kept, too. It `failed` when it could not get any further, for the reason in `failure`.
    """

    __test__ = False  # no test case, for all its name

    __tablename__ = "test_clocks"
    __table_args__ = (
        CheckConstraint("status IN ('ready', 'advancing', 'failed')", name="test_clocks_known_status"),
        CheckConstraint("now_at <= target_at", name="test_clocks_forward"),
        Index("test_clocks_advancing", "tenant_id", "id", postgresql_where=text("status = 'advancing'")),
    )

    id: Mapped[str] = key("clk")
    name: Mapped[str]
    now_at: Mapped[datetime] = instant()
    target_at: Mapped[datetime] = instant()
    status: Mapped[str] = mapped_column(String(9), default="ready")
    failure: Mapped[str | None]
    leased_until: Mapped[datetime | None] = instant()
    moved_at: Mapped[datetime | None] = instant()
    deleted_at: Mapped[datetime | None] = instant()
