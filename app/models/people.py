"""Who signs in, their sessions and reset links."""

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import TenantRow, belongs_to, instant, key, reference
from app.models.customers import Customer


class User(TenantRow):
    """A person who signs in. A `customer` user belongs to one customer and sees that customer's things only."""

    __tablename__ = "users"
    __table_args__ = (
        belongs_to("customer_id", "customers"),
        Index("users_email_once", text("lower(email)"), "tenant_id", unique=True),
        Index("users_by_email", text("lower(email)")),
    )

    id: Mapped[str] = key("usr")
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str]
    password_hash: Mapped[str | None]
    role: Mapped[str] = mapped_column(String(16))
    customer_id: Mapped[str | None] = reference("cus")
    disabled_at: Mapped[datetime | None] = instant()
    last_login_at: Mapped[datetime | None] = instant()

    customer: Mapped[Customer | None] = relationship(viewonly=True)


class LoginSession(TenantRow):
    """One signed-in browser. It can be ended from here, which a cookie alone cannot do."""

    __tablename__ = "login_sessions"
    __table_args__ = (belongs_to("user_id", "users"), Index("login_sessions_by_user", "user_id", "tenant_id"))

    id: Mapped[str] = key("ses")
    user_id: Mapped[str] = reference("usr")
    seen_at: Mapped[datetime] = instant()
    expires_at: Mapped[datetime] = instant()
    ended_at: Mapped[datetime | None] = instant()
    ip: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str | None]


class PasswordReset(TenantRow):
    """A link that sets a password once. Only the hash of its secret is kept."""

    __tablename__ = "password_resets"
    __table_args__ = (belongs_to("user_id", "users"),)

    id: Mapped[str] = key("pwr")
    user_id: Mapped[str] = reference("usr")
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = instant()
    used_at: Mapped[datetime | None] = instant()


class SignInCode(TenantRow):
    """Six digits sent by mail that let a customer's user in once. Only a keyed hash is kept, and tries are counted."""

    __tablename__ = "sign_in_codes"
    __table_args__ = (belongs_to("user_id", "users"), Index("sign_in_codes_by_user", "user_id", "tenant_id"))

    id: Mapped[str] = key("sic")
    user_id: Mapped[str] = reference("usr")
    code_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = instant()
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None] = instant()
