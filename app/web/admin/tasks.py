"""Work that events ask for: due, done, laid aside."""

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.permissions import Permission
from app.queries import records
from app.services import tasks
from app.web.admin import listing
from app.web.admin.subjects import address_of
from app.web.auth_guard import requires
from app.web.rendering import done

pages = Blueprint("tasks", __name__, url_prefix="/tasks")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All tasks, with what went wrong."""
    listed = records.tasks(listing.asked("q", "state"), cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/tasks/list.html", listed, ("task", "tasks"), address_of=address_of)


@pages.post("/<task_id>/retry")
@requires(Permission.COLLECT)
def retry(task_id: str) -> Response:
    """Try a task again that was laid aside."""
    with transaction():
        tasks.retry(task_id, clock.now())
    return done(url_for(".index"), "The task is tried again within a few seconds.")
