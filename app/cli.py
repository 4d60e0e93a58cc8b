"""The `quittance` command. What only one command needs, and is slow to import, that command imports itself."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from flask import Flask

from app import clock, create_app, doctor, logs, schema
from app.config import BadSettings, Settings, load_settings
from app.datadir import DataDir
from app.db import tenant_scope, transaction
from app.domain.errors import BillingError
from app.extensions import redis_client
from app.household import Wanted
from app.startup import CannotStart, require_database
from app.supervisor import up as run_all
from app.surroundings import surroundings

DAY = timedelta(days=1)
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="QUITTANCE_DATA_DIR",
    default=Path(".quittance"),
    show_default=True,
    help="Where documents, mails, secrets and embedded servers are kept.",
)
host_option = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
port_option = click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))


@click.group(no_args_is_help=True)
def cli() -> None:
    """Quittance: billing over many gateways."""


@cli.command()
@host_option
@port_option
@data_dir_option
@click.option("--demo/--no-demo", default=True, help="Make demo data when the database is empty.")
@click.option("--simulators/--no-simulators", help="Serve simulated gateways too, and connect the demo to them.")
@click.option("--simulators-port", default=18100, show_default=True, type=click.IntRange(1, 65535))
def up(host: str, port: int, data_dir: Path, demo: bool, simulators: bool, simulators_port: int) -> None:
    """Run everything: servers, web, worker and scheduler, until Ctrl-C."""
    run_all(Wanted(host, port, data_dir, demo, simulators_port if simulators else None), click.echo)


@cli.command()
@host_option
@port_option
def web(host: str, port: int) -> None:
    """Run the web server alone, on the servers that the variables name."""
    from app.server import serve

    serve(load_settings(), host, port)


@cli.command()
def worker() -> None:
    """Run a worker alone: it does the jobs that are rung for."""
    from app.jobs.worker import work

    settings = load_settings()
    work(create_app(settings), redis_client(settings.redis_url))


@cli.command()
def scheduler() -> None:
    """Run the scheduler alone: it rings for periodic work."""
    from app.jobs.scheduler import schedule

    settings = load_settings()
    logs.configure(settings.log_level, settings.log_format)
    schedule(redis_client(settings.redis_url))


@cli.command()
@data_dir_option
def migrate(data_dir: Path) -> None:
    """Bring the schema of the database up to date."""
    with _settings(data_dir) as settings:
        schema.upgrade(settings.database_url)
        click.echo(f"The schema is at {schema.head()}.")


@cli.command()
@data_dir_option
def seed(data_dir: Path) -> None:
    """Make a demo tenant when there is none, and say how to sign in to it."""
    from app.jobs.schedule import run_due
    from app.services import demo

    with _application(data_dir):
        if access := demo.seed(clock.now(), run_due):
            for login in access.logins:
                click.echo(f"  {login.role:<16}{login.email:<24}{login.password}")
            click.echo(f"  {'API key':<16}{access.api_key}")


@cli.command("simulated-accounts")
@click.argument("addresses", nargs=-1, required=True, metavar="GATEWAY=URL…")
@data_dir_option
def connect_simulators(addresses: Sequence[str], data_dir: Path) -> None:
    """Give the demo tenant an account at each of these simulated gateways."""
    from app.services import demo_gateways

    named = {name: url for name, _, url in (address.partition("=") for address in addresses)}
    with _application(data_dir):
        if demo_gateways.connect(named, clock.now()) is None:
            click.echo("quittance: there is no demo tenant; connect the simulated gateways by hand.", err=True)


@cli.command()
@data_dir_option
@click.option("--at", "instant", required=True, metavar="INSTANT", help="An instant such as 2026-02-01T00:00:00Z.")
def renew(data_dir: Path, instant: str) -> None:
    """Do everything that is due at an instant: what the schedule does, once and now."""
    from app.jobs.schedule import run_due

    at = _instant(instant, "--at")
    with _application(data_dir):
        click.echo(f"{run_due(at)} things done.")


@cli.command("advance-clock")
@click.argument("clock_id", metavar="CLOCK")
@click.option("--to", "instant", required=True, metavar="INSTANT", help="An instant such as 2027-02-01T00:00:00Z.")
@click.option("--tenant", "slug", help="Slug of the tenant; not needed when there is one only.")
@data_dir_option
def advance_clock(clock_id: str, instant: str, slug: str | None, data_dir: Path) -> None:
    """Move a test clock (clk_…) to an instant, and do all that falls due for its customers until then."""
    from app.jobs.clocks import arrive
    from app.queries.tenants import find_tenant
    from app.services import test_clocks

    to = _instant(instant, "--to")
    with _application(data_dir), tenant_scope(find_tenant(slug)):
        with transaction():
            test_clocks.advance(clock_id, to, clock.now())
        row = arrive(clock_id)
        click.echo(f"{row.name} shows {row.now_at:%Y-%m-%d %H:%M:%S} UTC.")


@cli.command()
@data_dir_option
@click.option("--account", help="Name or id of a gateway account; all of them otherwise.")
@click.option("--from", "first", metavar="DAY", help="First day, such as 2026-02-01 (UTC); yesterday otherwise.")
@click.option("--to", "last", metavar="DAY", help="Last day; the first one otherwise, or today without one.")
@click.option("--tenant", "slug", help="Slug of the tenant; not needed when there is one only.")
def reconcile(data_dir: Path, account: str | None, first: str | None, last: str | None, slug: str | None) -> None:
    """Compare our books with the gateways' lists, put right what can be, and print what differs."""
    from app.queries.tenants import find_tenant
    from app.services import reconciliation_report

    now = clock.now()
    since = _instant(first, "--from") if first else _midnight(now) - DAY
    until = (_instant(last, "--to") if last else since if first else _midnight(now)) + DAY
    with _application(data_dir), tenant_scope(find_tenant(slug)):
        for line in reconciliation_report.lines(account, _midnight(since), _midnight(until), now):
            click.echo(line)


@cli.group()
def apikey() -> None:
    """Keys of client applications."""


@apikey.command("create")
@click.option("--name", required=True, help="What the key is for.")
@click.option("--scopes", default="read", show_default=True, help="Of read, write, admin, separated by commas.")
@click.option("--tenant", "slug", help="Slug of the tenant; not needed when there is one only.")
@data_dir_option
def create_key(name: str, scopes: str, slug: str | None, data_dir: Path) -> None:
    """Make a key and print it, alone and this once, on standard output."""
    from app.queries.tenants import find_tenant
    from app.services import api_keys

    with _application(data_dir), tenant_scope(find_tenant(slug)):
        with transaction():
            _, secret = api_keys.create(name, scopes.split(","), clock.now())
        click.echo(secret)


@cli.command("doctor")
@data_dir_option
def examine(data_dir: Path) -> None:
    """Check every setting and service, and name what is missing."""
    try:
        with _settings(data_dir) as settings:
            findings = doctor.examine(settings)
    except (BadSettings, CannotStart) as error:
        findings = [doctor.Finding("settings", False, line) for line in str(error).splitlines()]
    for finding in findings:
        click.echo(f"{'ok     ' if finding.ok else 'MISSING'}  {finding.name}: {finding.text}")
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


@contextmanager
def _settings(data_dir: Path) -> Iterator[Settings]:
    directory = DataDir.at(data_dir)
    with surroundings(directory) as variables:
        named = {name.lower(): value for name, value in variables.items()}
        settings = load_settings(**{**named, "quittance_data_dir": directory.path})
        logs.configure(settings.log_level, settings.log_format)
        yield settings


@contextmanager
def _application(data_dir: Path) -> Iterator[Flask]:
    """An application context on a database that is there and up to date."""
    with _settings(data_dir) as settings:
        require_database(settings.database_url)
        if schema.current(settings.database_url) != schema.head():
            raise CannotStart("The schema of the database is not up to date: run `quittance migrate`.", "schema_behind")
        app = create_app(settings)
        with app.app_context():
            yield app


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _instant(text: str, option: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"“{text}” is not an instant such as 2026-02-01T00:00:00Z", param_hint=option
        ) from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command of these words, or of the command line. A refusal is a line on standard error and exit code 2."""
    os.umask(0o077)  # invoices, mails and secrets are the owner's alone
    try:
        cli(words)
    except (CannotStart, BadSettings, BillingError) as refusal:
        for line in str(refusal).splitlines():
            click.echo(f"quittance: {line}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
