"""Releases on their screens: started, rolled out, refused, rolled back, and reported."""

from collections.abc import Callable

import pytest
from django.test import Client

from mainstay.change.releases.models import Release
from mainstay.core.access import LOCAL
from mainstay.faces.api import releases

pytestmark = pytest.mark.usefixtures("shop")


def text_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_a_release_is_made_by_hand(sign_in: Callable[[str], Client]) -> None:
    ben = sign_in("ben")
    assert "No release is known yet" in text_of(ben, "/releases")
    refused = ben.post("/releases", {"service": "storefront", "version": " "})
    assert refused.status_code == 400
    assert "write the version" in refused.content.decode().lower()
    answer = ben.post("/releases", {"service": "storefront", "version": "4.2.0", "previous": "4.1.9"})
    release = Release.objects.get()
    assert answer["Location"] == f"/releases/{release.pk}"
    assert "It is rolled out everywhere" in text_of(ben, f"/releases/{release.pk}")
    assert ben.post(f"/releases/{release.pk}/verify").status_code == 409
    assert ben.post(f"/releases/{release.pk}/finish").status_code == 302
    assert "Being watched" in text_of(ben, f"/releases/{release.pk}")
    said = ben.post(f"/releases/{release.pk}/roll-back", {"reason": " "})
    assert said.status_code in {400, 409}
    assert ben.post(f"/releases/{release.pk}/roll-back", {"reason": "Too slow."}).status_code == 302
    page = text_of(ben, f"/releases/{release.pk}")
    assert "Rolled back, said Ben" in page
    assert "Judge it now" not in page
    assert ben.post(f"/releases/{release.pk}/fly").status_code == 404


def test_a_viewer_sees_it_without_buttons_and_takes_the_report(sign_in: Callable[[str], Client]) -> None:
    number = int(releases.started(LOCAL, {"service": "storefront", "version": "1"})["release"].removeprefix("REL-"))
    vic = sign_in("vic")
    page = text_of(vic, f"/releases/{number}")
    assert "Break it off" not in page
    assert "Start one by hand" not in text_of(vic, "/releases")
    assert vic.post(f"/releases/{number}/finish").status_code == 403
    assert "storefront" in text_of(vic, f"/releases/{number}.md")
    assert vic.get(f"/releases/{number}.pdf").content.startswith(b"%PDF")
