"""What every refusal looks like."""

from pydantic import BaseModel, Field


class Fault(BaseModel):
    """One field that is wrong."""

    field: str = Field(examples=["lines.0.quantity"])
    message: str


class Problem(BaseModel):
    """RFC 9457. `code` is stable, `detail` is for people, `request_id` finds it in the logs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Fault]
    request_id: str | None
