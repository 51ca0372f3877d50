"""The REST API's limit for each token."""

import pytest
from django.test import Client

from mainstay.core import access, settings, tokens
from mainstay.faces.api import endpoint


@pytest.mark.django_db
def test_a_token_over_its_rate_is_told_when_to_come_again_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = settings.current()
    values = {**loaded.values, "api_requests_per_minute": 2}
    monkeypatch.setattr(endpoint, "current", lambda: settings.Loaded(values, loaded.origins))
    eager = {"Authorization": f"Bearer {tokens.create_token(access.LOCAL, 'eager', 'read')}"}
    calm = {"Authorization": f"Bearer {tokens.create_token(access.LOCAL, 'calm', 'read')}"}
    client = Client()
    assert [client.get("/api/v1/services", headers=eager).status_code for _ in range(3)] == [200, 200, 429]
    answer = client.get("/api/v1/services", headers=eager)
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert "api_requests_per_minute" in answer.json()["detail"]
    assert client.get("/api/v1/services", headers=calm).status_code == 200
