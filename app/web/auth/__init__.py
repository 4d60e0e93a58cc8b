"""Getting in and out: sign-in by password or mailed code, sign-out, forgotten passwords, one's profile and sessions."""

from app.web.auth import code, password, profile, sign_in
from app.web.auth.blueprint import pages

__all__ = ["code", "pages", "password", "profile", "sign_in"]
