"""No secret of a fixture is left, whatever the format, and what is no secret stays to be compared."""

import json
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mainstay.change.configs.masking import masked, tag_of

KEY = b"key"
S = "hunter2-Tr0ub4dor"
T = "zebra9-C0rrecthorse"


def one(text: str) -> str:
    return masked([text], KEY)[0]


@pytest.mark.parametrize(
    "text",
    [
        # INI, properties, shell, Dockerfile, .env
        f"db_password = {S}",
        f"db.password={S}",
        f"password = {S}, {T}; {S}",
        f'PASSWORD="{S} with blanks; and signs"',
        f'PASSWORD="{S}\n{T}"\nNEXT=1',
        f"export API_TOKEN='{S}'",
        f"export PASSWORD={S} TOKEN={T}",
        f"ENV DB_PASSWORD {S}",
        f"setenv DB_PASSWORD {S}",
        f"password = {S} \\\n  {T}",
        f"ExecStart=/usr/bin/app --db-password {S} --port 80",
        f"command: app --token={S} --verbose",
        f"DSN=host=db password={S}",
        f"Server=db;Database=shop;Password={S};Encrypt=yes",
        f"AccountKey={S}==;EndpointSuffix=core",
        f"redis_auth: {S}",
        f"//registry.example/:_authToken={S}",
        # YAML
        f"password: {S} and the rest of the line",
        f"password: |\n  {S}\n  {T}\nport: 80",
        f"a:\n  password: >-\n    {S}\n\n    {T}\n  port: 80",
        f"passwords:\n  - {S}\n  - {T}\nport: 80",
        f"passwords:\n- {S}\n- {T}\nport: 80",
        f"secrets:\n  database: {S}\n  mail:\n    smtp: {T}\nport: 80",
        f"tokens: [{S}, '{T}']",
        f"credentials: {{user: bob, key: {S}}}",
        f"users:\n  - name: bob\n    password: {S}\n  - name: eve\n    password: {T}",
        f"  - name: DB_PASSWORD\n    value: {S}",
        f"  - value: {S}\n    name: DB_PASSWORD",
        f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  anything: {S}\n  other: {T}=\ntype: Opaque",
        f"items:\n- apiVersion: v1\n  data:\n    anything: {S}\n  kind: Secret",
        # JSON
        f'{{"client_secret": "{S}", "port": 5432}}',
        f'{{"password":\n   "{S}"}}',
        f'{{"tokens": ["{S}", "{T}"]}}',
        f'{{"credentials": {{\n  "user": "bob",\n  "value": "{S}"\n}}}}',
        f'{{"name": "DB_PASSWORD", "value": "{S}"}}',
        f'{{"value": "{S}", "name": "DB_PASSWORD"}}',
        f'{{"kind": "Secret", "data": {{"anything": "{S}"}}}}',
        json.dumps(json.dumps({"password": S})),
        f'{{"auths": {{"hub": {{"auth": "{S}"}}}}}}',
        # XML, PHP, Ruby, TOML, JavaScript
        f"<password>{S}</password>",
        f"<db:password type='x'>\n  {S}\n</db:password>",
        f'<add key="ApiKey" value="{S}" />',
        f'<add value="{S}" name="DbPassword"/>',
        f'<property name="password">{S}</property>',
        f'<Setting Name="DbPassword"><Value>{S}</Value></Setting>',
        f'<connection user="x" password="{S}"/>',
        f"define('DB_PASSWORD', '{S}');",
        f"define( 'AUTH_SALT', \"{S}\" );",
        f"$CFG->dbpass = '{S}';",
        f"'password' => '{S}',",
        f':password => "{S}"',
        f'password = """\n{S}\n"""\nport = 1',
        f"password: `{S}`,",
        # Directives, headers, addresses
        f"requirepass {S}",
        f"masterauth {S}",
        f"bindpw {S}",
        f"rootpw {{SSHA}}{S}",
        f"machine ftp.example login shop password {S}",
        f"user admin insecure-password {S}",
        f"CREATE USER x IDENTIFIED BY '{S}'",
        f"db.example:5432:shop:shop:{S}",
        f"Authorization: Bearer {S}",
        f"Authorization: Token {S}",
        f"proxy_set_header Authorization 'Basic {S}';",
        f"postgres://shop:{S}@db.example:5432/shop",
        f"postgres://shop:p@{S}@db.example:5432/shop",
        f"redis://:{S}@cache:6379/0",
        f"url?access_token={S}&x=1",
        f"slack_webhook: https://hooks.example/{S}",
        # Looks
        "root:$6$saltsalt$" + S + ":19000:0:99999:7:::",
        f"-----BEGIN RSA PRIVATE KEY-----\n{S}\n{S}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n{S}\n-----END PGP PRIVATE KEY BLOCK-----",
        f"-----BEGIN PRIVATE KEY-----\n{S}\n",
        f"PuTTY-User-Key-File-2: ssh-rsa\n{S}",
        f"x = glpat-{S}",
        f"x: sk-{S}{S}",
        f"spring.datasource.password: {S}",
        f"signing_key: {S}",
    ],
)
def test_no_secret_is_left(text: str) -> None:
    said = one(text)
    assert "hunter2" not in said
    assert "Tr0ub4dor" not in said
    assert "zebra9" not in said
    assert "[secret " in said


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
        "password: {{ vault_password }}",
        "password: null",
        "password:\nport: 80",
        "time: 12:30:45",
        "kind: ConfigMap\ndata:\n  level: debug",
        "# the compass shows north",
        "    proxy_pass http://backend:8080;",
        "ssl_certificate_key /etc/ssl/private/shop.key;",
        "server_key: /etc/ssl/private/shop.key",
        "primary_key: id",
        "authentication: none\nauthor: Bob",
        "security:\n  authorization: enabled",
        "tokenizer: standard",
        "volumes:\n  - secretName: shop-tls",
        "cookie_domain: shop.example",
        "bypass_cache: true",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert one(text) == text


def test_what_stands_around_a_secret_stays_to_be_compared() -> None:
    text = '{"password": "x1", "port": 5432, "tokens": [1234, "y2"], "host": "db"}'
    said = one(text)
    assert '"port": 5432' in said
    assert '"host": "db"' in said
    assert one("a: 1\npassword: |\n  x1\n  x2\nb: 2").splitlines()[-1] == "b: 2"
    assert one("passwords:\n  - x1\nport: 80").endswith("port: 80")


def test_a_changed_secret_is_seen_and_the_same_one_is_not() -> None:
    assert one("password: one") == one("password: one")
    assert one("password: one") != one("password: two")
    assert masked(["password: one"], b"other") != masked(["password: one"], KEY)
    assert one('password: "one"') == f'password: "[secret {tag_of("one", KEY)}]"'


def test_what_was_masked_stays_as_it_is() -> None:
    text = one("a: 1\npassword: x y z\nb: 2")
    assert one(text) == text
    assert text.splitlines()[::2] == ["a: 1", "b: 2"]


def test_a_long_text_takes_no_longer_than_its_length() -> None:
    """Words without an end, and brackets and quotation marks that never close, cost no square of their length."""
    for text in (
        "a" * 300_000 + "password",
        "password: [" * 4000,
        'password: "' * 4000,
        "pass" * 60_000,
        "-" * 200_000,
    ):
        began = time.perf_counter()
        one(text)
        assert time.perf_counter() - began < 8, text[:20]


# Letters that no format gives a meaning, and those that some do.
PLAIN = st.text("abcdefgkmnpqrstuvwxyzACDEFGHK23456789", min_size=8, max_size=30)
AWKWARD = st.text("abcdXYZ0189 ,;:!#%&*+-./=?@[]^_{}|~()<>", min_size=4, max_size=30).map(str.strip).filter(bool)
NAMES = st.sampled_from(("password", "DB_PASSWORD", "api_key", "client-secret", "authToken", "smtp.passwd", "jwt_key"))


@given(NAMES, AWKWARD, PLAIN)
def test_whatever_the_secret_is_it_is_gone_from_documents_that_programs_write(
    name: str, awkward: str, plain: str
) -> None:
    secret = f"Q{plain}{awkward}{plain}Q"
    document = {"a": 1, name: secret, "list": [{name: secret, "b": "kept-value"}], "z": "kept-too"}
    texts = [
        json.dumps(document),
        json.dumps(document, indent=2),
        yaml.safe_dump(document),
        yaml.safe_dump(document, default_flow_style=True, width=10_000),
        "\n".join([f"{name}={secret}", "z=kept-too"]),
        "\n".join([f"[x]\n{name} = {secret}", "z = kept-too"]),
    ]
    for text, said in zip(texts, masked(texts, KEY), strict=True):
        assert plain not in said, text
        assert "kept-too" in said or "width" in text or "{" in text[:1], text
