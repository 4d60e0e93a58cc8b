"""Every setting, from the environment, typed and checked at start. Secrets are `SecretStr`: printed, they are stars."""

import base64
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class LogFormat(StrEnum):
    console = "console"
    json = "json"


class Settings(BaseSettings):
    """Settings of one process; a field name in capitals is the environment variable (docs/operations.md lists them)."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: str = Field(description="PostgreSQL, as postgresql://user:password@host/name")
    redis_url: str = Field(description="Redis, as redis://host:6379/0 or unix:///path")
    secret_key: SecretStr = Field(description="signs session cookies and links; at least 32 characters")
    encryption_keys: SecretStr = Field(
        description="AES-256-GCM keys as id:base64,id:base64; the first one encrypts, all of them decrypt"
    )
    quittance_data_dir: Path = Field(Path(".quittance"), description="documents, mails and embedded servers")
    base_url: str = Field("http://127.0.0.1:8000", description="the address people and gateways reach this at")
    mail_url: str = Field(
        "file:", description="file: writes mails into the data directory; smtp://user:pw@host:587 sends"
    )
    mail_from: str = Field("Quittance <billing@localhost>", description="sender of mails")
    log_format: LogFormat = Field(LogFormat.console, description="console or json")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    web_workers: int = Field(2, ge=1, le=64, description="processes of the web server; one for each core is enough")
    database_pool_size: int = Field(
        8, ge=1, le=100, description="connections of one process, which has twice as many web threads"
    )
    session_idle_minutes: int = Field(60, ge=5, description="a session ends after this long without a request")
    session_absolute_hours: int = Field(12, ge=1, description="a session ends after this long in any case")
    login_limit: str = Field("5/minute;30/hour", description="failed sign-ins for one account or one address")
    api_read_limit: str = Field("1000/hour", description="reads of one API key unless the key says otherwise")
    api_write_limit: str = Field("100/hour", description="writes of one API key unless the key says otherwise")
    webhook_limit: str = Field("6000/minute", description="webhooks from one address to one gateway account")
    max_body_bytes: int = Field(1_000_000, ge=10_000, description="a larger request body is refused")
    trusted_proxies: int = Field(
        0, ge=0, description="reverse proxies in front whose X-Forwarded-* headers are believed"
    )
    gateway_timeout_seconds: int = Field(20, ge=1, description="longest wait for a gateway's answer")
    attempt_lease_seconds: int = Field(
        120, ge=1, description="after this long an attempt without a result is asked about"
    )

    @field_validator("secret_key")
    @classmethod
    def _long_secret(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: str) -> str:
        if not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        return value

    @model_validator(mode="after")
    def _usable(self) -> Self:
        _ = self.keyring
        return self

    @cached_property
    def keyring(self) -> dict[str, bytes]:
        """Encryption keys by id, in order; the first one is the active one."""
        keys = dict(part.split(":", 1) for part in self.encryption_keys.get_secret_value().split(",") if ":" in part)
        decoded = {key_id.strip(): base64.b64decode(text) for key_id, text in keys.items()}
        if not decoded or any(len(key) != 32 for key in decoded.values()):
            raise ValueError("ENCRYPTION_KEYS must be id:base64 of 32 bytes, several separated by commas")
        return decoded

    @property
    def https(self) -> bool:
        return self.base_url.startswith("https://")


class BadSettings(Exception):
    """Settings that cannot be used; the message names each variable and what is wrong with it."""


def load_settings(**overrides: object) -> Settings:
    """Read the environment; `overrides` win (for `quittance up` and tests). Raises BadSettings, a line a fault."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc'])).upper() or 'settings'}: {e['msg']}" for e in error.errors()]
        raise BadSettings("\n".join(faults)) from None
