"""The blueprint of the staff's pages; each noun has one of its own below it."""

from flask import Blueprint

pages = Blueprint("admin", __name__, url_prefix="/admin")
