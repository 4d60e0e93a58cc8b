"""Who may open which page. A view says it with `@requires`, and then runs inside the tenant of whoever is signed in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from flask import request
from werkzeug.exceptions import Unauthorized

from app.actors import Actor, current_actor
from app.db import tenant_scope
from app.domain.errors import NotPermitted
from app.permissions import Permission
from app.web.signed_in import SignedIn, signed_in

View = TypeVar("View", bound=Callable[..., Any])

ANYBODY_SIGNED_IN = (Permission.VIEW, Permission.OWN)


def requires(*permissions: Permission) -> Callable[[View], View]:
    """Let in whoever has any one of these permissions; others get 401 (sign in) or 403.

    The view and the page it renders see the rows of that person's tenant only, and what it writes is written down as
    theirs.
    """

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            person = _admitted(permissions)
            with acting(person.tenant_id, person.user_id):
                return view(*args, **kwargs)

        guarded.permissions = permissions  # type: ignore[attr-defined]
        return cast(View, guarded)

    return guard


def person() -> SignedIn:
    """Whoever is signed in, in a view that requires it. Raises Unauthorized when nobody is."""
    someone = signed_in()
    if someone is None:
        raise Unauthorized
    return someone


@contextmanager
def acting(tenant_id: str, user_id: str) -> Iterator[None]:
    """Inside the block this user acts, in this tenant."""
    token = current_actor.set(Actor("user", user_id, request.remote_addr))
    try:
        with tenant_scope(tenant_id):
            yield
    finally:
        current_actor.reset(token)


def _admitted(permissions: tuple[Permission, ...]) -> SignedIn:
    someone = person()
    if not someone.may(*permissions):
        raise NotPermitted("Your role does not allow this. Ask an owner of the workspace if you need to.")
    return someone
