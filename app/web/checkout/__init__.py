"""Paying one invoice, for whoever holds a signed link to it: from a mail, from the portal, signed in or not."""

from app.web.checkout import attempts, form_posts, invoice, links, refunds
from app.web.checkout.blueprint import pages

__all__ = ["attempts", "form_posts", "invoice", "links", "pages", "refunds"]
