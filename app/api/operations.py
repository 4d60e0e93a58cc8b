"""What a view of the API is: who may call it, what it takes and gives, and which transaction it runs in.

Views take validated values (`json`, `query`, ids out of the address) and give an answer of `api.schemas`. The edge does
the rest: `reads` opens nothing, `writes` runs the view in one transaction, and `calls_gateway` opens none, because no
gateway is called inside one.
"""

import re
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from flask import Response, g
from pydantic import BaseModel
from pydantic import ValidationError as PydanticError
from spectree import Response as Responses
from spectree import SecurityScheme, SpecTree
from spectree.models import SecureType, SecuritySchemeData
from spectree.plugins.base import Context
from spectree.plugins.flask_plugin import FlaskPlugin
from spectree.utils import get_multidict_items

from app.api.callers import permit
from app.api.faults import refuse
from app.api.once import once, remember
from app.api.schemas.problems import Problem
from app.db import transaction
from app.permissions import Permission

View = Callable[..., Any]
Answer = type[BaseModel] | None


def component_name(model: type[BaseModel]) -> str:
    """What a model is called in the document: `Page[Customer]` is `CustomerPage`."""
    return re.sub(r"(\w+)\[(\w+)\]", r"\2\1", model.__name__)


def _refuse_invalid(_request: Any, _response: Any, error: Exception | None, *_: Any) -> None:
    if isinstance(error, PydanticError):
        refuse(error)


class _ReadOnce(FlaskPlugin):
    """Has the query checked, and the body as `bodies.read` has read it: the plugin's own way reads it again."""

    def request_validation(self, request: Any, query: Any, json: Any, *_: Any) -> None:
        checked = self.model_adapter.validate_obj
        request.context = Context(
            checked(query, get_multidict_items(request.args, query)) if query else None,
            checked(json, g.body) if json else None,
            None,
            None,
            None,
        )


class LateModels(SpecTree):
    """Draws the schemas of bodies and answers when somebody asks for the document, which few processes ever see:
    drawing them at import takes a sixth of the time in which a process starts."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._late: dict[str, tuple[type[BaseModel], Any]] = {}

    def _add_model(self, model: type[BaseModel], mode: Any = "validation") -> str:
        name = self.naming_strategy(model)
        self._late[name] = (model, mode)
        return name

    def _generate_spec(self) -> dict[str, Any]:
        for model, mode in self._late.values():
            super()._add_model(model, mode)
        return super()._generate_spec()


spec = LateModels(
    backend=_ReadOnce,
    before=_refuse_invalid,
    validation_error_model=Problem,
    mode="strict",
    title="Quittance",
    description="Billing over many gateways. Conventions and examples stand in docs/api.md.",
    version="1",
    security_schemes=[SecurityScheme(name="api_key", data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer"))],
    security={"api_key": []},
    openapi_version="3.1.0",
    naming_strategy=component_name,
    nested_naming_strategy=lambda _parent, child: re.sub(r"(\w+)_(\w+)_", r"\2\1", child),
)


class Documented(Responses):
    """The answers of a view, for the document only: a view's answer is a model already, and is not checked twice."""

    def __init__(self, answer: Answer, status: HTTPStatus, media: str | None) -> None:
        code = f"HTTP_{int(status)}"
        super().__init__(*(() if answer else (code,)), **({code: answer} if answer else {}))
        self._file = (str(int(status)), media)

    def find_model(self, code: int) -> None:
        return None

    def generate_spec(self, naming_strategy: Callable[[Any], str] = component_name) -> dict[str, Any]:
        described = super().generate_spec(naming_strategy)
        status, media = self._file
        if media:
            described[status]["content"] = {media: {"schema": {"type": "string", "format": "binary"}}}
        return described


def reads(answer: Answer, *, media: str | None = None) -> Callable[[View], View]:
    """A view that only shows something: an answer, or a file of some `media` type."""

    def run(view: View) -> View:
        return wraps(view)(lambda **arguments: _response(view(**arguments), HTTPStatus.OK))

    return _operation(answer, Permission.VIEW, HTTPStatus.OK, run, media)


def writes(answer: Answer, needs: Permission, status: HTTPStatus = HTTPStatus.OK) -> Callable[[View], View]:
    """A view whose effect is one transaction. The answer for an Idempotency-Key is kept in the same one."""

    def work(view: View) -> Response:
        with transaction():
            response = _response(view(), status)
            remember(response)
            return response

    return _operation(answer, needs, status, lambda view: _once(view, work))


def calls_gateway(answer: Answer, needs: Permission, status: HTTPStatus = HTTPStatus.OK) -> Callable[[View], View]:
    """A view whose service calls a gateway, between transactions of its own.

    It must first look for the `effect` of its claim: the process may have died after asking the gateway.
    """

    def work(view: View) -> Response:
        response = _response(view(), status)
        with transaction():
            remember(response)
        return response

    return _operation(answer, needs, status, lambda view: _once(view, work))


def _once(view: View, work: Callable[[View], Response]) -> View:
    @wraps(view)
    def run(**arguments: Any) -> Response:
        return once(lambda: work(lambda: view(**arguments)))

    return run


def _operation(
    answer: Answer, needs: Permission, status: HTTPStatus, run: Callable[[View], View], media: str | None = None
) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        tag = view.__module__.rpartition(".")[2].replace("_", " ")
        checked = spec.validate(resp=Documented(answer, status, media), tags=[tag])(run(view))

        @wraps(checked)
        def guarded(**arguments: Any) -> Response:
            permit(needs)
            response: Response = checked(**arguments)
            return response

        guarded.permissions = (needs,)  # type: ignore[attr-defined]
        guarded.operation_id = view.__name__  # type: ignore[attr-defined]
        return guarded

    return decorate


def _response(answer: BaseModel | Response | None, status: HTTPStatus) -> Response:
    if isinstance(answer, Response):
        return answer
    if answer is None:
        return Response(status=HTTPStatus.NO_CONTENT)
    return Response(answer.model_dump_json(), status, content_type="application/json")
