"""The only settings file. Every knob is read through `lib.env`, and documented.

docs/configuration.md lists each one; tests/architecture/test_docs.py holds the two
together.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from orqstudio.lib import database_url, embedded_postgres, secret_key
from orqstudio.lib.env import (
    BadSettingError,
    env_bool,
    env_choice,
    env_float,
    env_int,
    env_list,
    env_path,
    env_str,
)

# 1 Paths
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env_path("ORQSTUDIO_DATA_DIR", BASE_DIR / "var")

# 2 Core
DEBUG = env_bool("ORQSTUDIO_DEBUG", default=False)
ROOT_URLCONF = "orqstudio.urls"
WSGI_APPLICATION = "orqstudio.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False  # SDKs turn a redirected POST into a GET and lose the body
SERVE_WORKERS = env_int("ORQSTUDIO_WORKERS", 1, least=1, most=64)
STOP_TIMEOUT_S = env_int("ORQSTUDIO_STOP_TIMEOUT_S", 30, least=1, most=3600)

# 3 Security
SECRET_KEY = env_str("ORQSTUDIO_SECRET_KEY") or secret_key.load_or_create(DATA_DIR)
ALLOWED_HOSTS = env_list("ORQSTUDIO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("ORQSTUDIO_TRUSTED_ORIGINS")
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https")
    if env_bool("ORQSTUDIO_BEHIND_TLS_PROXY", default=False)
    else None
)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_PROXY_SSL_HEADER is not None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {  # the name Django 6 uses, so our middleware can go then
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}
CSRF_FAILURE_VIEW = "orqstudio.error_pages.csrf_failure"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# 4 Database
DATABASE_URL = env_str("DATABASE_URL")
DATABASE_IS_EMBEDDED = not DATABASE_URL
DATABASES = {
    "default": {
        **database_url.parse(DATABASE_URL or embedded_postgres.url_for(DATA_DIR)),
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}

# 5 Apps
INSTALLED_APPS = [
    "orqstudio",
    "identities",
    "metering",
    "rest_framework",
    "django_filters",
    "django_htmx",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
]
AUTH_USER_MODEL = "auth.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/studio/identities/"
LOGOUT_REDIRECT_URL = "/accounts/login/"

# 6 Middleware
MIDDLEWARE = [
    "orqstudio.middleware.RequestFacts",
    "orqstudio.middleware.SecurityHeaders",
    "orqstudio.health.Probes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

# 7 Templates
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "orqstudio.context_processors.studio",
            ],
        },
    }
]

# 8 Language and time: the server thinks in UTC
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# 9 Static files: hashed names, served by whitenoise from `STATIC_ROOT`
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# 10 API
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
REPORT_TIMEOUT_S = env_float("ORQSTUDIO_REPORT_TIMEOUT_S", 10, least=0.1, most=600)
TAGS_MATCH_ANY = env_choice("ORQSTUDIO_TAGS_FILTER", "all", "any") == "any"
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["orqstudio.web.json_body.JSONBodyParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["identities.auth.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "EXCEPTION_HANDLER": "orqstudio.web.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
}

# 11 Metering
HOLD_LEASE_S = env_float("ORQSTUDIO_HOLD_LEASE_S", 60, least=1, most=3600)
HOLD_WAIT_S = env_float("ORQSTUDIO_HOLD_WAIT_S", 10, least=0, most=300)
BODY_MAX_BYTES = env_int("ORQSTUDIO_BODY_MAX_BYTES", 20 * 2**20, least=1024)
OUTPUT_TOKENS_BOUND = env_int("ORQSTUDIO_OUTPUT_TOKENS_BOUND", 16_384, least=1)
RETRY_AFTER_ON_BUDGET = env_bool("ORQSTUDIO_RETRY_AFTER_ON_BUDGET", default=True)
UPSTREAM_TIMEOUT_S = env_float("ORQSTUDIO_UPSTREAM_TIMEOUT_S", 600, least=1, most=7200)
UPSTREAM_CONNECT_TIMEOUT_S = env_float(
    "ORQSTUDIO_UPSTREAM_CONNECT_TIMEOUT_S", 10, least=0.1, most=300
)
OPENAI_BASE_URL = env_str("OPENAI_BASE_URL", "https://api.openai.com/v1")
OPENAI_API_KEY = env_str("OPENAI_API_KEY")
if urlsplit(OPENAI_BASE_URL).scheme not in {"http", "https"}:
    message = f"OPENAI_BASE_URL must begin with http:// or https://: {OPENAI_BASE_URL}"
    raise BadSettingError(message)

# 12 First start
BOOTSTRAP_API_KEY = env_str("ORQSTUDIO_API_KEY")
BOOTSTRAP_ADMIN_USER = env_str("ORQSTUDIO_ADMIN_USER", "admin")
BOOTSTRAP_ADMIN_PASSWORD = env_str("ORQSTUDIO_ADMIN_PASSWORD")

# 13 Logging: key=value lines; never bodies, e-mail addresses or secrets
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    # Each 4xx would be a line with its address, and an address can hold an e-mail.
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
    "root": {
        "handlers": ["stderr"],
        "level": env_str("ORQSTUDIO_LOG_LEVEL", "WARNING").upper(),
    },
}
