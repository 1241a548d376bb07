"""Settings of notes_project, read from the environment; `docs/settings.md` explains them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from corsheaders.defaults import default_headers

from config import logs, schema
from config.env import Environment

# Generic admin classes at run time, as the type checker sees them.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

# What PostgreSQL 15 has configurations for; `simple` is none in particular.
_LANGUAGES = (
    "simple arabic armenian basque catalan danish dutch english finnish french german greek hindi"
    " hungarian indonesian irish italian lithuanian nepali norwegian portuguese romanian russian"
    " serbian spanish swedish tamil turkish yiddish"
)
SEARCH_LANGUAGES = tuple(_LANGUAGES.split())

env = Environment("notes")

DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.secret("NOTES_SECRET_KEY")
DATABASES = {
    "default": {
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        **env.database("NOTES_DATABASE_URL"),
    }
}
NOTES_JWKS_URL = env.text(
    "NOTES_JWKS_URL",
    hint="Where users_project publishes its keys: http://HOST:8001/.well-known/jwks.json, "
    "with HOST in users_project's ALLOWED_HOSTS.",
)
NOTES_JWKS_FILE = env.text("NOTES_JWKS_FILE", "")

GATEWAY_URL = env.origin(
    "GATEWAY_URL",
    hint="Where people reach the gateway, without a path: http://localhost:4000.",
)
ALLOWED_HOSTS = env.texts("ALLOWED_HOSTS", [urlsplit(GATEWAY_URL).hostname or ""])
CSRF_TRUSTED_ORIGINS = [GATEWAY_URL] if GATEWAY_URL else []

KAFKA_BOOTSTRAP_SERVERS = env.text("KAFKA_BOOTSTRAP_SERVERS", hint="host:port, commas between.")
KAFKA_TOPIC = env.text("KAFKA_TOPIC", "user-events")
KAFKA_SECURITY_PROTOCOL = env.choice(
    "KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
)
KAFKA_CA_FILE = env.text("KAFKA_CA_FILE", "")
KAFKA_SASL_MECHANISM = env.choice(
    "KAFKA_SASL_MECHANISM", "SCRAM-SHA-512", ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
)
_NOBODY = None if KAFKA_SECURITY_PROTOCOL.startswith("SASL_") else ""
KAFKA_USERNAME = env.text("KAFKA_USERNAME", _NOBODY, hint="Who this service is to Kafka.")
KAFKA_PASSWORD = env.text("KAFKA_PASSWORD", _NOBODY, hint="The password of KAFKA_USERNAME.")
KAFKA_GROUP_ID = env.text("KAFKA_GROUP_ID", "notes-users")
KAFKA_GROUP_PROTOCOL = env.choice("KAFKA_GROUP_PROTOCOL", "classic", ("classic", "consumer"))

COMPARISON_SECRET = env.secret("COMPARISON_SECRET", "")

READS_PER_MINUTE = env.integer("READS_PER_MINUTE", 1200)
WRITES_PER_MINUTE = env.integer("WRITES_PER_MINUTE", 600)
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS", "")

NOTES_TRASH_DAYS = env.integer("NOTES_TRASH_DAYS", 30)
NOTES_SEARCH_LANGUAGE = env.choice("NOTES_SEARCH_LANGUAGE", "simple", SEARCH_LANGUAGES)
NOTES_HISTORY_DAYS = env.integer("NOTES_HISTORY_DAYS", 30)
NOTES_IDEMPOTENCY_HOURS = env.integer("NOTES_IDEMPOTENCY_HOURS", 24)
NOTES_IMPORT_MAX_MB = env.integer("NOTES_IMPORT_MAX_MB", 512)

LOGGING = logs.configure(
    env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    env.choice("LOG_FORMAT", "json", ("json", "console")),
)
env.require_valid()

INSTALLED_APPS = [
    "config.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "users",
    "notes",
    "inbox",
    "transfer",
    "pages",
    "django_htmx",  # htmx itself, as a file
]
MIDDLEWARE = [
    "config.logs.RequestLog",
    # It costs more than the limits do; without an origin there is nothing to say.
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ALLOWED_ORIGINS else []),
    "config.limits.tell",
    "config.bodies.read_to_the_end",
    "config.problems.keep_to_accept",
    "config.bodies.refuse_encoded",
    "config.problems.RefuseHandMade",
    "django.middleware.security.SecurityMiddleware",
    "config.admin_middleware.Sessions",
    "config.slashes.AppendSlash",
    "django.middleware.csrf.CsrfViewMiddleware",
    "users.authentication.TokenCookieMiddleware",
    "config.admin_middleware.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "users.authentication.csrf_of_users",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_USER_MODEL = "users.User"
LOGIN_URL = "/login/"
# The session carries admin messages alone; who is signed in is in the access token.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

TOKEN_ISSUER = "users"  # noqa: S105
TOKEN_AUDIENCE = "notes-platform"  # noqa: S105

HTTPS = GATEWAY_URL.startswith("https://")
# A browser takes a cookie of such a name over HTTPS and from this host alone.
_COOKIE = "__Host-" if HTTPS else ""
ACCESS_COOKIE_NAME = f"{_COOKIE}access_token"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_NAME = f"{_COOKIE}notes_session"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = f"{_COOKIE}notes_csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "config.problems.csrf_failure"
# For the button that signs out, there.
USERS_CSRF_COOKIE_NAME = f"{_COOKIE}users_csrf"

# For pages of other origins that send a token themselves: cookies stay at home.
CORS_URLS_REGEX = r"^/(api/v1/|\.well-known/)"
CORS_ALLOW_HEADERS = [
    *default_headers,
    "idempotency-key",
    "if-match",
    "if-none-match",
]
CORS_EXPOSE_HEADERS = [
    "Content-Disposition",
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-ID",
]

# What a browser is to do over HTTPS alone the gateway says, which is what speaks to browsers.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]

# As much as the gateway lets through: the field's own limit then names the field.
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
# Who deletes as many as the admin's list counts confirms each.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_100

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["users.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["config.limits.OfUser"],
    "DEFAULT_RENDERER_CLASSES": [
        "config.renderers.JSONRenderer",
        "config.renderers.PageRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "config.parsers.JSONParser",
        "config.parsers.FormParser",
        "config.parsers.MultiPartParser",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.negotiation.ByFormat",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.exceptions.handle_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Notes",
    "DESCRIPTION": "Notes and tags of the notes platform.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "AUTHENTICATION_WHITELIST": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SECURITY": [{"bearer": []}, {"cookie": []}],
    "APPEND_COMPONENTS": schema.COMPONENTS,
    "PARSER_WHITELIST": ["config.parsers.JSONParser", "notes.merge_patch.MergePatchParser"],
    "RENDERER_WHITELIST": ["config.renderers.JSONRenderer"],
    "ENUM_SUFFIX": "",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.schema.complete",
        "notes.schema.complete",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # An address of each operation would be a link within its button, which nobody can hear.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False},
    "REDOC_DIST": "SIDECAR",
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/notes/"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
