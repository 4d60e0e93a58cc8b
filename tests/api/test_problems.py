"""What a client is told when the fault is ours."""

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from app.api import problems

SECRET = "tok_secret"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OperationalError(SECRET, {}, psycopg.OperationalError(SECRET)), 503, "unavailable"),
        (IntegrityError(SECRET, {}, psycopg.errors.UniqueViolation(SECRET)), 409, "conflict"),
        (IntegrityError(SECRET, {}, psycopg.errors.CheckViolation(SECRET)), 500, "internal"),
        (DataError(SECRET, {}, psycopg.DataError(SECRET)), 500, "internal"),
    ],
)
def test_a_fault_in_the_database_is_told_without_its_details(
    app: Flask, error: OperationalError, status: int, code: str
) -> None:
    with app.app_context():
        answer = problems.statement_problem(error)
    assert (answer.status_code, (answer.json or {})["code"]) == (status, code)
    assert SECRET not in answer.get_data(as_text=True)


def test_an_unforeseen_error_is_told_without_its_details(app: Flask) -> None:
    with app.app_context():
        answer = problems.failure(RuntimeError(SECRET))
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert SECRET not in answer.get_data(as_text=True)
