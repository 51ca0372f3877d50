"""Django's settings, derived from Mainstay's own. Nothing here is set by hand in an installation."""

import ipaddress
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mainstay.core import settings as mainstay_settings

_conf = mainstay_settings.current()


def _private_directory(path: Path) -> None:
    """Make a directory that only its owner can look into. One that exists is left as it is; doctor looks at it."""
    if not path.exists():
        path.mkdir(parents=True, mode=0o700, exist_ok=True)


def _kept_secret(name: str) -> str:
    """A key that is made at first start and kept in the data directory, readable by its owner alone."""
    _private_directory(_conf.data_dir)
    path = _conf.data_dir / "keys" / name
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(f".{secrets.token_hex(8)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48), encoding="ascii")
        try:
            # A link fails when another process was first, so that all end up with one key.
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        return path.read_text(encoding="ascii")


def _database(url: str, data_dir: Path) -> dict[str, Any]:
    if not url:
        _private_directory(data_dir)
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(data_dir / "mainstay.sqlite3"),
            "OPTIONS": {
                # A transaction that will write takes the write lock at its start, so that it waits its turn
                # instead of failing half way; FULL puts a commit on disk before it is acknowledged.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8000;",
            },
            "TEST": {"NAME": str(data_dir / "test.sqlite3")},
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise mainstay_settings.SettingsError("setting database_url: write postgresql://USER:PASSWORD@HOST:PORT/NAME")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


def _allowed_hosts() -> list[str]:
    if _conf.allowed_hosts:
        return list(_conf.allowed_hosts)
    host = str(_conf.listen).rpartition(":")[0].strip("[]")
    found = {"localhost", "127.0.0.1", "[::1]", urlsplit(_conf.public_url).hostname or "localhost"}
    try:
        if not ipaddress.ip_address(host).is_unspecified:
            found.add(host)
    except ValueError:
        found.add(host)
    return sorted(found)


SECRET_KEY = _kept_secret("django")
DEBUG = False
ALLOWED_HOSTS = _allowed_hosts()
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "mainstay.core",
    "mainstay.catalog",
    "mainstay.observe.checks",
    "mainstay.observe.intake",
    "mainstay.observe.logs",
    "mainstay.observe.metrics",
    "mainstay.respond.timeline",
    "mainstay.respond.incidents",
    "mainstay.respond.silences",
    "mainstay.respond.clocks",
    "mainstay.respond.alerts",
    "mainstay.change.maintenance",
    "mainstay.change.releases",
    "mainstay.change.configs",
    "mainstay.change.supportability",
    "mainstay.learn.diagnosis",
    "mainstay.learn.escalation",
    "mainstay.learn.reports",
    "mainstay.learn.trackers",
    "mainstay.learn.drills",
    "mainstay.learn.problems",
    "mainstay.learn.assistant",
    "mainstay.respond.oncall",
    "mainstay.respond.paging",
    "mainstay.respond.comms",
    "mainstay.restore.sqldesk",
    "mainstay.restore.runbooks",
    "mainstay.faces.web",
]
DATABASES = {"default": _database(_conf.database_url, _conf.data_dir)}
AUTH_USER_MODEL = "core.Person"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
MIDDLEWARE = [
    "mainstay.faces.web.middleware.SecurityHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "mainstay.faces.web.middleware.PersonContext",
]
ROOT_URLCONF = "mainstay.faces.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "mainstay.faces.web.context.shell",
            ],
            "builtins": ["mainstay.faces.web.templatetags.show"],
        },
    }
]
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
_secure = _conf.public_url.startswith("https://")
SESSION_COOKIE_AGE = _conf.session_hours * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_NAME = "mainstay_session"
CSRF_COOKIE_NAME = "mainstay_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [_conf.public_url] if _secure else []
CSRF_FAILURE_VIEW = "mainstay.faces.web.errors.csrf_failure"
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
LOGIN_URL = "/sign-in"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "mainstay.core.logs.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": str(_conf.log_level).upper()},
    "loggers": {
        "uvicorn.access": {"level": "WARNING"},
        "apprise": {"level": "ERROR"},
        "asyncssh": {"level": "ERROR"},
        # It tells of every table of every font of every PDF.
        "fontTools": {"level": "ERROR"},
    },
}
