"""The wall between tenants, as DDL: roles, grants and row level security, for migrations to call."""

from alembic import op

APP, SWEEP = "quittance_app", "quittance_sweep"


def create_roles() -> None:
    """The two roles the application takes. They belong to the server: another database may have made them already."""
    for role in (APP, SWEEP):
        op.execute(
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS;"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        op.execute(f"GRANT {role} TO CURRENT_USER")
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")


def protect(table: str, tenant_column: str = "tenant_id", *, app: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Let the application's role see one tenant's rows only, and the sweep role read all of them."""
    here = f"{tenant_column} = nullif(current_setting('app.tenant', true), '')::uuid"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_tenant ON {table} TO {APP} USING ({here}) WITH CHECK ({here})")
    op.execute(f"CREATE POLICY all_tenants ON {table} FOR SELECT TO {SWEEP} USING (true)")
    op.execute(f"GRANT {app} ON {table} TO {APP}")
    op.execute(f"GRANT SELECT ON {table} TO {SWEEP}")


def append_only(table: str) -> None:
    """Refuse updates and deletes of single rows, whoever asks."""
    op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {APP}")
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
