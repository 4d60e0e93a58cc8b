"""Secrets at rest: sealed to their row, opened by the right key alone, sealed anew with a new key; keys as hashes."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import select

from app import crypto
from app.config import Settings
from app.crypto import CannotOpen, Sealed, seal, secret_hash, unseal
from app.db import all_tenants, session, transaction
from app.domain.errors import BillingError, Conflict
from app.models import ApiKey, AuditEntry, GatewayAccount
from app.services import api_keys, charging, gateway_accounts
from tests.shop import Shop, fresh

OLD, NEW = {"k1": bytes(32)}, {"k2": bytes(range(32))}
SECRET = "sandbox_verysecret"


def keys(*rings: Mapping[str, bytes]) -> SecretStr:
    named = [f"{name}:{base64.b64encode(key).decode()}" for ring in rings for name, key in ring.items()]
    return SecretStr(",".join(named))


class TestSealing:
    def test_what_is_sealed_opens_to_what_it_was(self) -> None:
        assert unseal(OLD, seal(OLD, b"secret", "here"), "here") == b"secret"

    def test_the_box_says_nothing_and_is_another_each_time(self) -> None:
        first, second = seal(OLD, b"secret", "here"), seal(OLD, b"secret", "here")
        assert b"secret" not in first.box
        assert first.box != second.box

    WRONG: Mapping[str, tuple[Mapping[str, bytes], Any, str]] = {
        "in another row": (OLD, lambda box: box, "there"),
        "with another key of that name": ({"k1": bytes(31) + b"x"}, lambda box: box, "here"),
        "without the key": (NEW, lambda box: box, "here"),
        "altered in its first byte": (OLD, lambda box: bytes([box[0] ^ 1]) + box[1:], "here"),
        "altered in its last byte": (OLD, lambda box: box[:-1] + bytes([box[-1] ^ 1]), "here"),
        "cut off": (OLD, lambda box: box[:-1], "here"),
        "empty": (OLD, lambda box: b"", "here"),
    }

    @pytest.mark.parametrize(("ring", "spoil", "place"), WRONG.values(), ids=WRONG)
    def test_it_does_not_open(self, ring: Mapping[str, bytes], spoil: Any, place: str) -> None:
        sealed = seal(OLD, b"secret", "here")
        with pytest.raises(CannotOpen):
            unseal(ring, Sealed(sealed.key_id, spoil(sealed.box)), place)

    def test_a_key_renamed_opens_nothing(self) -> None:
        sealed = seal(OLD, b"secret", "here")
        with pytest.raises(CannotOpen):
            unseal({"k9": OLD["k1"]}, Sealed("k9", sealed.box), "here")


class TestAccounts:
    def account(self, at: datetime) -> GatewayAccount:
        with transaction():
            return gateway_accounts.create("Second", "sandbox", {"api_key": SECRET, "page_url": "http://x"}, at)

    def test_credentials_are_not_in_the_row_nor_in_the_log_of_who_did_what(self, in_tenant: str, at: datetime) -> None:
        row = self.account(at)
        assert SECRET.encode() not in row.credentials
        assert gateway_accounts.connect(row).secrets["api_key"] == SECRET
        noted = session().scalars(select(AuditEntry))
        assert SECRET not in str([entry.changes for entry in noted])

    def test_copied_into_another_row_they_do_not_open(self, in_tenant: str, at: datetime) -> None:
        row = self.account(at)
        with transaction():
            other = gateway_accounts.create("Third", "sandbox", {"api_key": "sandbox_x", "page_url": "http://x"}, at)
            other.credentials = row.credentials
        with pytest.raises(Conflict, match="Enter them again"):
            gateway_accounts.connect(other)

    def test_a_new_first_key_seals_anew_and_the_old_one_can_go(
        self, app: Flask, in_tenant: str, at: datetime, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = self.account(at)

        def with_keys(*rings: Mapping[str, bytes]) -> None:
            changed = settings.model_copy(update={"encryption_keys": keys(*rings)})
            del changed.keyring  # it is remembered, and was of the other keys
            monkeypatch.setitem(app.extensions, "settings", changed)

        with_keys(NEW, OLD)
        assert gateway_accounts.connect(row).secrets["api_key"] == SECRET
        with transaction():
            gateway_accounts.reseal(row.id, at)
        with_keys(NEW)
        row = fresh(GatewayAccount, row.id)
        assert (row.key_id, gateway_accounts.connect(row).secrets["api_key"]) == ("k2", SECRET)

    def test_new_credentials_work_at_once_and_wrong_ones_charge_nothing(self, shop: Shop, at: datetime) -> None:
        invoice_id = shop.debt()
        wrong = {"api_key": "live_wrong", "page_url": "http://x"}
        with transaction():
            gateway_accounts.replace_credentials(shop.account_id, wrong, at)
        refused = charging.collect(invoice_id, at)
        assert (refused.status, refused.decline_code) == ("failed", "gateway_refused")
        with transaction():
            gateway_accounts.replace_credentials(shop.account_id, {**wrong, "api_key": "sandbox_right"}, at)
        assert charging.collect(invoice_id, at).status == "succeeded"

    @pytest.mark.parametrize("credentials", [{}, {"page_url": "http://x"}, {"api_key": ""}])
    def test_a_missing_credential_is_named(self, in_tenant: str, at: datetime, credentials: dict[str, str]) -> None:
        with pytest.raises(BillingError, match="API key") as refusal, transaction():
            gateway_accounts.create("Second", "sandbox", credentials, at)
        assert refusal.value.code == "missing_credentials"

    def test_an_unknown_gateway_is_refused(self, in_tenant: str, at: datetime) -> None:
        with pytest.raises(BillingError) as refusal, transaction():
            gateway_accounts.create("Second", "piggy_bank", {}, at)
        assert refusal.value.code == "unknown_gateway"


class TestApiKeys:
    def test_a_key_is_shown_once_and_kept_as_a_hash(self, in_tenant: str, at: datetime) -> None:
        with transaction():
            row, secret = api_keys.create("CRM", ["read"], at)
        assert secret.startswith("qk_test_")
        assert len(secret) > 40
        kept = {name: value for name, value in vars(fresh(ApiKey, row.id)).items() if not name.startswith("_")}
        assert secret not in str(kept)
        assert (kept["secret_hash"], kept["hint"]) == (secret_hash(secret), secret[:14])

    def test_it_is_found_by_its_secret_until_it_ends(self, in_tenant: str, at: datetime) -> None:
        end = at + timedelta(days=1)
        with transaction():
            row, secret = api_keys.create("CRM", ["read"], at, expires_at=end)
        with all_tenants():
            found = [api_keys.find(secret, moment) for moment in (at, end)]
            assert [key and key.id for key in found] == [row.id, None]
            assert api_keys.find(secret[:-1], at) is None
            assert api_keys.find(crypto.secret_hash(secret), at) is None

    def test_revoked_it_is_found_no_more(self, in_tenant: str, at: datetime) -> None:
        with transaction():
            row, secret = api_keys.create("CRM", ["read"], at)
        with transaction():
            api_keys.revoke(row.id, at)
        with all_tenants():
            assert api_keys.find(secret, at) is None

    def test_its_use_is_noted_by_the_minute(self, in_tenant: str, at: datetime) -> None:
        with transaction():
            row, _ = api_keys.create("CRM", ["read"], at)
        for seconds in (5, 50, 65):
            with transaction():
                api_keys.stamp_use(row.id, at + timedelta(seconds=seconds))
        assert fresh(ApiKey, row.id).last_used_at == at + timedelta(minutes=1)

    @pytest.mark.parametrize(
        ("name", "scopes", "field"), [("", ["read"], "name"), ("x", [], "scopes"), ("x", ["root"], "scopes")]
    )
    def test_a_wrong_one_is_refused(
        self, in_tenant: str, at: datetime, name: str, scopes: list[str], field: str
    ) -> None:
        with pytest.raises(BillingError) as refusal, transaction():
            api_keys.create(name, scopes, at)
        assert refusal.value.field == field
