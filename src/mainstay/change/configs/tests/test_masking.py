"""No secret of a fixture is left, whatever the format, and what is no secret stays to be compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.change.configs.masking import masked, tag_of

KEY = b"key"
S = "hunter2-Tr0ub4dor"


def one(text: str) -> str:
    return masked([text], KEY)[0]


@pytest.mark.parametrize(
    "text",
    [
        f"db_password = {S}",
        f"db.password={S}",
        f'PASSWORD="{S} with blanks; and signs"',
        f"export API_TOKEN='{S}'",
        f"password: {S} and the rest of the line",
        f'{{"client_secret": "{S}", "port": 5432}}',
        f"  - name: DB_PASSWORD\n    value: {S}",
        f"<password>{S}</password>",
        f'<add key="ApiKey" value="{S}" />',
        f"postgres://shop:{S}@db.example:5432/shop",
        f"redis://:{S}@cache:6379/0",
        f"machine ftp.example login shop password {S}",
        f"db.example:5432:shop:shop:{S}",
        f"Authorization: Bearer {S}",
        "root:$6$saltsalt$" + S + ":19000:0:99999:7:::",
        f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  anything: {S}\n  other: {S}=\ntype: Opaque",
        f"-----BEGIN RSA PRIVATE KEY-----\n{S}\n{S}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{S}\n",
        f"spring.datasource.password: {S}",
        f"$CFG->dbpass = '{S}';",
        f"'password' => '{S}',",
        f"signing_key: {S}",
        f"slack_webhook: https://hooks.example/{S}",
        f"DSN=host=db password={S}",
        f"url?access_token={S}&x=1",
    ],
)
def test_no_secret_is_left(text: str) -> None:
    assert S not in one(text)
    assert "hunter2" not in one(text)
    assert "[secret " in one(text)


@pytest.mark.parametrize(
    "text",
    [
        "token_ttl: 3600",
        "password_file: /run/secrets/db",
        "ping_interval = 5",
        "keepalive: 30",
        "listen 443 ssl;",
        "https://shop.example:8443/path",
        "password = ${DB_PASSWORD}",
        "password: null",
        "time: 12:30:45",
        "kind: ConfigMap\ndata:\n  level: debug",
        "# the compass shows north",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert one(text) == text


def test_a_changed_secret_is_seen_and_the_same_one_is_not() -> None:
    assert one("password: one") == one("password: one")
    assert one("password: one") != one("password: two")
    assert masked(["password: one"], b"other") != masked(["password: one"], KEY)
    assert one('password: "one"') == f'password: "[secret {tag_of("one", KEY)}]"'


def test_what_was_masked_stays_as_it_is() -> None:
    text = one("a: 1\npassword: x y z\nb: 2")
    assert one(text) == text
    assert text.splitlines()[::2] == ["a: 1", "b: 2"]


SECRET = st.text("abcdefghijkmnpqrstuvwxyzABCDEFGH23456789!#%&*+-./?@^_~", min_size=6, max_size=40).filter(
    lambda text: text.strip("\"'") == text and not text.startswith(("$", "{"))
)
SHAPES = ("password={}", "password: {}", 'password: "{}"', '{{"api_key": "{}"}}', "x=1 token={}", "<secret>{}</secret>")


@given(SECRET, st.sampled_from(SHAPES))
def test_whatever_the_secret_is_it_is_gone(secret: str, shape: str) -> None:
    assert f"Z{secret}" not in one(shape.format(f"Z{secret}"))
