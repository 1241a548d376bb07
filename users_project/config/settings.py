"""Settings of users_project, read from the environment; `docs/settings.md` explains them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from corsheaders.defaults import default_headers

from config import logs, schema
from config.mail_env import MailEnvironment

# Generic admin classes at run time, as the type checker sees them.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

env = MailEnvironment("users")

DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.secret("USERS_SECRET_KEY")
DATABASES = {
    "default": {
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        **env.database("USERS_DATABASE_URL"),
    }
}
USERS_SIGNING_KEYS_DIR = Path(
    env.text(
        "USERS_SIGNING_KEYS_DIR",
        hint="A folder for the token keys; `manage.py rotate_signing_key` fills it.",
    )
)

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
KAFKA_TOPIC_PARTITIONS = env.integer("KAFKA_TOPIC_PARTITIONS", 12)
KAFKA_TOPIC_REPLICATION_FACTOR = env.integer("KAFKA_TOPIC_REPLICATION_FACTOR", 1)
KAFKA_TOPIC_MIN_INSYNC_REPLICAS = env.integer("KAFKA_TOPIC_MIN_INSYNC_REPLICAS", 1)

COMPARISON_SECRET = env.secret("COMPARISON_SECRET", "")

globals().update(env.mail_server("EMAIL_URL", "consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.address("EMAIL_FROM", "noreply@localhost")
EMAIL_VERIFICATION = env.boolean("EMAIL_VERIFICATION", False)

# The database deletes nothing sooner than the least.
USERS_AUDIT_DAYS = env.integer("USERS_AUDIT_DAYS", 365, minimum=30)

READS_PER_MINUTE = env.integer("READS_PER_MINUTE", 1200)
WRITES_PER_MINUTE = env.integer("WRITES_PER_MINUTE", 600)
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS", "")

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
    "accounts",
    "attempts",
    "audit",
    "outbox",
    "front",
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
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.slashes.AppendSlash",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "outbox.tracing.TraceparentMiddleware",
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
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.PasswordBackend"]
PASSWORD_HASHERS = ["accounts.hashers.GivingWayHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"

TOKEN_ISSUER = "users"  # noqa: S105
TOKEN_AUDIENCE = "notes-platform"  # noqa: S105

HTTPS = GATEWAY_URL.startswith("https://")
# A browser takes a cookie of such a name over HTTPS and from this host alone.
_COOKIE = "__Host-" if HTTPS else ""
ACCESS_COOKIE_NAME = f"{_COOKIE}access_token"
DEVICE_COOKIE_NAME = f"{_COOKIE}users_device"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SESSION_ENGINE = "accounts.browser_sessions"
SESSION_COOKIE_NAME = f"{_COOKIE}users_session"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = f"{_COOKIE}users_csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "config.problems.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Who deletes as many as the admin's list counts confirms each.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_100

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

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.TokenAuthentication"],
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
    "TITLE": "Accounts",
    "DESCRIPTION": "Accounts, sessions and tokens of the notes platform.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "APPEND_COMPONENTS": schema.COMPONENTS,
    "PARSER_WHITELIST": ["config.parsers.JSONParser"],
    "RENDERER_WHITELIST": ["config.renderers.JSONRenderer"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.schema.complete",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # An address of each operation would be a link within its button, which nobody can hear.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False},
    "REDOC_DIST": "SIDECAR",
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/users/"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
