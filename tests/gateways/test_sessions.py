"""Sessions that last find what the environment says, and find it once."""

import pytest
import requests

from app.gateways.sessions import LastingSession

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "proxies"),
    [
        ("https://api.example/v1", {"https": PROXY}),
        ("http://api.example/v1", {"https": PROXY}),
        ("https://inside.example/v1", {}),
    ],
)
def test_proxies_and_authorities_are_those_that_requests_finds(
    monkeypatch: pytest.MonkeyPatch, url: str, proxies: dict[str, str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "inside.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/authorities.pem")
    lasting = LastingSession()
    asked = (url, {}, None, None, None)
    first = lasting.merge_environment_settings(*asked)
    monkeypatch.delenv("HTTPS_PROXY")
    assert first == lasting.merge_environment_settings(*asked)
    assert {name: first["proxies"][name] for name in proxies} == proxies
    assert first["verify"] == "/etc/authorities.pem"
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    assert first == requests.Session().merge_environment_settings(*asked)
