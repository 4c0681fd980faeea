"""All settings of PrivacyDash: embedded defaults, production by environment variables alone.

With none of the variables in PRODUCTION_VARIABLES set, the site runs *embedded*: SQLite, a
broker and stores that need no server, and mail kept in a folder. As soon as one of them is set
it runs in *production*, and then every secret must be given: half a configuration stops the
start. PRIVACYDASH_MODE=embedded says explicitly that a variable is set for a trial.
Every variable is described in docs/configuration.md.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dj_database_url
from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from privacydash import colour, embedded, env
from propagation.configuration import stores_from_json

BASE_DIR = Path(__file__).resolve().parent.parent

PRODUCTION_VARIABLES = ("DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "ALLOWED_HOSTS")
_given = [name for name in PRODUCTION_VARIABLES if os.environ.get(name)]
MODE = env.text("PRIVACYDASH_MODE", "production" if _given else "embedded")
if MODE not in {"embedded", "production"}:
    raise ImproperlyConfigured(f"PRIVACYDASH_MODE is embedded or production, not {MODE!r}")
EMBEDDED = MODE == "embedded"

DATA = Path(env.text("PRIVACYDASH_DATA", str(BASE_DIR / "var"))).resolve()
"""Everything that the embedded mode writes lies in this folder."""
if EMBEDDED:
    DATA.mkdir(parents=True, exist_ok=True)
RUNNING = embedded.running(DATA) if EMBEDDED else {}

PORT = env.integer("PORT", int(RUNNING.get("port", 8000)))
SITE_URL = env.text("SITE_URL", f"http://127.0.0.1:{PORT}" if EMBEDDED else env.REQUIRED).rstrip(
    "/"
)

# Security ------------------------------------------------------------------------------------

DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.secret(
    "SECRET_KEY", embedded.kept_secret(DATA / "secret_key") if EMBEDDED else env.REQUIRED
)
SECRET_KEY_FALLBACKS = env.secrets("SECRET_KEY_FALLBACKS", [])
# The first key makes new mail links, all of them open old ones. A link lives as long as its
# notice, so its keys have a rotation of their own.
LINK_KEYS = env.secrets("LINK_KEYS", [SECRET_KEY, *SECRET_KEY_FALLBACKS])
# By this key erased members are known again, so it stays for good: an older one still counts.
SUPPRESSION_KEY = env.secret(
    "SUPPRESSION_KEY", embedded.kept_secret(DATA / "suppression_key") if EMBEDDED else env.REQUIRED
)
SUPPRESSION_KEY_FALLBACKS = env.secrets("SUPPRESSION_KEY_FALLBACKS", [])
# Ed25519 private keys: the first signs receipts, all of them verify older ones.
RECEIPT_KEYS = env.signing_keys(
    "RECEIPT_KEYS", [embedded.kept_key(DATA / "receipt_key")] if EMBEDDED else env.REQUIRED
)
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"] if EMBEDDED else env.REQUIRED
)

SECURE_CSP = {
    "default-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "img-src": [CSP.SELF],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# Plain http is for the embedded mode on one's own machine only.
SECURE_SSL_REDIRECT = not EMBEDDED
SECURE_HSTS_SECONDS = 0 if EMBEDDED else 63_072_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not EMBEDDED
SECURE_HSTS_PRELOAD = not EMBEDDED
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes speak plain http inside the cluster
if env.boolean("BEHIND_TLS_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not EMBEDDED
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
if not EMBEDDED:
    # The prefix makes browsers refuse these cookies from a sub-domain or over plain http.
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
CSRF_FAILURE_VIEW = "privacydash.errors.csrf_failure"
# The largest form is a sign-in; nothing that members send comes near this.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

# Applications --------------------------------------------------------------------------------

INSTALLED_APPS = [
    "accounts",
    "ledger",
    "propagation",
    "consent",
    "campaigns",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "desk",  # the last: it gives the roles permissions of all others
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "accounts.middleware.AuthenticationMiddleware",
    "accounts.staff_sessions.StaffMiddleware",
    # A choice that needs no page goes no further.
    "consent.choosing.ChoiceMiddleware",
    # It masks the length of what it compresses, so that BREACH finds no secret in a page.
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "privacydash.urls"
WSGI_APPLICATION = "privacydash.wsgi.application"
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
                "privacydash.operator.context",
                "consent.gpc.context",
            ],
        },
    }
]

# Data ----------------------------------------------------------------------------------------

DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        env.text(
            "DATABASE_URL",
            f"sqlite:///{DATA / 'privacydash.sqlite3'}" if EMBEDDED else env.REQUIRED,
        )
    )
}
_database = DATABASES["default"]
if _database["ENGINE"].endswith("postgresql"):
    # Each thread keeps a connection: psycopg's pool lends one anew for each request, which costs a
    # twentieth of a choice. For ten minutes, so that a failover is followed.
    _database["CONN_MAX_AGE"] = 600
elif _database["ENGINE"].endswith("sqlite3"):
    _database["OPTIONS"] = {
        # A transaction that reads first and writes later cannot wait for the lock; one that
        # takes it at once can.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: an acknowledged choice survives a power cut.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    # Migrations and tests in other processes see the same file.
    _database["TEST"] = {"NAME": os.environ.get("TEST_SQLITE_FILE")}
else:
    raise ImproperlyConfigured(
        "DATABASE_URL must be PostgreSQL or SQLite: the ledger's triggers are written for them."
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Shared by all processes and hosts, so that rate limits hold; the table is made by a migration.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        # A flood of addresses must not push the counters of rate limits out.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.text("STATIC_ROOT", str((DATA if EMBEDDED else BASE_DIR) / "staticfiles")))
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Operator ------------------------------------------------------------------------------------

OPERATOR_NAME = env.text("OPERATOR_NAME", "Example Network" if EMBEDDED else env.REQUIRED)
OPERATOR_PRIVACY_EMAIL = env.text(
    "OPERATOR_PRIVACY_EMAIL", "privacy@network.example" if EMBEDDED else env.REQUIRED
)
# ISO 3166-1 code of the country whose authority leads (GDPR Art. 56).
OPERATOR_LEAD_COUNTRY = env.text("OPERATOR_LEAD_COUNTRY", "IE" if EMBEDDED else env.REQUIRED)
# Shown on every page; without them the site's own.
OPERATOR_ACCENT = env.parsed("OPERATOR_ACCENT", None, colour.accent)
OPERATOR_LOGO = env.parsed("OPERATOR_LOGO", None, env.picture)

# Whom to tell of a weakness, in /.well-known/security.txt.
SECURITY_CONTACTS = env.contacts("SECURITY_CONTACTS", [f"mailto:{OPERATOR_PRIVACY_EMAIL}"])
SECURITY_LANGUAGES = env.words("SECURITY_LANGUAGES", ["en"])
SECURITY_POLICY_URL = env.text("SECURITY_POLICY_URL", "")

# Sign-in -------------------------------------------------------------------------------------

SESSION_ENGINE = "accounts.sessions"
AUTH_USER_MODEL = "accounts.Member"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.passwords.UnlikeTheAddress"},
    *(
        {"NAME": f"django.contrib.auth.password_validation.{name}"}
        for name in (
            "MinimumLengthValidator",
            "CommonPasswordValidator",
            "NumericPasswordValidator",
        )
    ),
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
# Nobody signs up here, but without a password in this list the sign-in form has none either.
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60  # mail can be slow
ACCOUNT_PREVENT_ENUMERATION = True
# The host platform has verified the addresses of its members; nobody signs up here.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "notice"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXY_COUNT", 0)

# Staff need a second factor for Django admin; members have none and see nothing of it.
MFA_ADAPTER = "accounts.second_factor.Adapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True  # the host platform has verified it
MFA_TOTP_ISSUER = f"{OPERATOR_NAME} staff"
# Browsers take plain http for safe on one's own machine only.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = EMBEDDED
MFA_FORMS = {
    name: f"accounts.second_factor_forms.{form}"
    for name, form in (
        ("authenticate", "AuthenticateForm"),
        ("reauthenticate", "ReauthenticateForm"),
        ("activate_totp", "ActivateForm"),
        ("add_webauthn", "AddKeyForm"),
    )
}
# What stands out in the log of their access to members (`desk.unusual`).
ACCESS_ALERT_MEMBERS = env.integer("ACCESS_ALERT_MEMBERS", 50, minimum=2)
WELL_KNOWN_MEMBERS = env.words("WELL_KNOWN_MEMBERS", [])
STAFF_HOURS = env.hours("STAFF_HOURS", (7, 20))
STAFF_WEEKENDS = env.boolean("STAFF_WEEKENDS", False)
STAFF_TIME_ZONE = env.parsed("STAFF_TIME_ZONE", ZoneInfo("UTC"), env.time_zone)
# Staff sign in by the operator's own identity provider, where one is set (`accounts.sso`).
SSO_ISSUER = env.text("SSO_ISSUER", "").rstrip("/")
SSO_NAME = env.text("SSO_NAME", f"{OPERATOR_NAME} sign-in")
SOCIALACCOUNT_ADAPTER = "accounts.sso.Adapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
# A form that leads to the provider would break form-action of the content security policy; the
# provider's answer is tied to this browser by state and PKCE.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "staff",
                "name": SSO_NAME,
                "client_id": env.text("SSO_CLIENT_ID", env.REQUIRED if SSO_ISSUER else ""),
                "secret": env.text("SSO_CLIENT_SECRET", env.REQUIRED if SSO_ISSUER else ""),
                "settings": {"server_url": SSO_ISSUER},
            }
        ],
    }
}
STAFF_IDLE_MINUTES = env.integer("STAFF_IDLE_MINUTES", 30, minimum=1)

# Languages and times -------------------------------------------------------------------------

LANGUAGE_CODE = "en"
# The official languages of the EU, Iceland and Norway, each by its own name in CLDR, in the order
# of these names. docs/translating.md says how to add one.
LANGUAGES = [
    ("cs", "čeština"), ("da", "dansk"), ("de", "Deutsch"), ("et", "eesti"), ("en", "English"),
    ("es", "español"), ("fr", "français"), ("ga", "Gaeilge"), ("hr", "hrvatski"),
    ("is", "íslenska"), ("it", "italiano"), ("lv", "latviešu"), ("lt", "lietuvių"),
    ("hu", "magyar"), ("mt", "Malti"), ("nl", "Nederlands"), ("nb", "norsk bokmål"),
    ("pl", "polski"), ("pt", "português"), ("ro", "română"), ("sk", "slovenčina"),
    ("sl", "slovenščina"), ("fi", "suomi"), ("sv", "svenska"), ("el", "ελληνικά"),
    ("bg", "български"),
]  # fmt: skip
# Django itself has no Maltese.
LANG_INFO.setdefault("mt", {"bidi": False, "code": "mt", "name": "Maltese", "name_local": "Malti"})
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "privacydash.formats"
USE_TZ = True
TIME_ZONE = "UTC"

# Mail ----------------------------------------------------------------------------------------

DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"{OPERATOR_NAME} <{OPERATOR_PRIVACY_EMAIL}>")
MAIL_FOLDER = DATA / "mail"
# Another mail backend than SMTP, such as anymail.backends.postmark.EmailBackend.
MAIL_BACKEND = env.text("MAIL_BACKEND", "")
MAILERS: dict[str, Any] = {
    "default": {"BACKEND": MAIL_BACKEND}
    if MAIL_BACKEND
    else {"BACKEND": "privacydash.mailbox.EmailBackend"}
    if EMBEDDED and not os.environ.get("EMAIL_HOST")
    else {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": env.text("EMAIL_HOST"),
            "port": env.integer("EMAIL_PORT", 587, minimum=1),
            "username": env.text("EMAIL_HOST_USER", ""),
            "password": env.text("EMAIL_HOST_PASSWORD", ""),
            "use_tls": env.boolean("EMAIL_USE_TLS", True),
            "timeout": 30,
        },
    }
}
# Where mails of campaigns come back to; empty: to the sender.
BOUNCE_ADDRESS = env.text("BOUNCE_ADDRESS", "")
# How `manage.py read_bounces --imap` signs in to the mailbox of that address.
BOUNCES_IMAP_USER = env.text("BOUNCES_IMAP_USER", "")
BOUNCES_IMAP_PASSWORD = env.text("BOUNCES_IMAP_PASSWORD", "")
# Connections to the mail server that campaigns may use at a time, each of which takes a worker.
MAIL_CONNECTIONS = env.integer("MAIL_CONNECTIONS", 1, minimum=1)
# Mail services that report by webhook, and the secret that they sign in with there; the others of
# django-anymail's settings, such as the keys of the service.
ANYMAIL_WEBHOOKS = env.words("ANYMAIL_WEBHOOKS", [])
ANYMAIL: dict[str, Any] = env.json_object("ANYMAIL", {}) | {
    "WEBHOOK_SECRET": env.secrets(
        "ANYMAIL_WEBHOOK_SECRET", env.REQUIRED if ANYMAIL_WEBHOOKS else []
    )
}
# Who may get personal links by the API and report events there, by name and token.
API_TOKENS = env.named_secrets("API_TOKENS", {})
# DKIM signatures by the site itself, where the mail server makes none.
DKIM_DOMAIN = env.text("DKIM_DOMAIN", "")
DKIM_SELECTOR = env.text("DKIM_SELECTOR", env.REQUIRED if DKIM_DOMAIN else "")
DKIM_KEY_FILE = env.text("DKIM_KEY_FILE", env.REQUIRED if DKIM_DOMAIN else "")

# Choices -------------------------------------------------------------------------------------

# The purpose that the member's page is about; a notice for it must be published.
PURPOSE = env.text("PURPOSE", "genai-training")
# Each choice is confirmed by mail. False: not those that are taken over from an earlier list.
CONFIRM_IMPORTS = env.boolean("CONFIRM_IMPORTS", True)
# Whether the privacy signal of a browser (Sec-GPC) objects for a member who signs in with it, and
# the day on which the operator last changed that, as /.well-known/gpc.json says.
GPC_OBJECTS = env.boolean("GPC_OBJECTS", False)
GPC_LAST_UPDATE = env.day(
    "GPC_LAST_UPDATE", env.REQUIRED if GPC_OBJECTS and not EMBEDDED else "2026-11-25"
)

# What has to hold before a rollout can start (`consent.launch`); 0 and 0: nothing is checked.
LAUNCH_NOTICE_DAYS = env.integer("LAUNCH_NOTICE_DAYS", 0 if EMBEDDED else 30)
LAUNCH_TOLD_PERCENT = env.integer("LAUNCH_TOLD_PERCENT", 0 if EMBEDDED else 95)
# For how many days somebody who was not told may be missing from the list of the untold.
UNTOLD_AFTER_DAYS = env.integer("UNTOLD_AFTER_DAYS", 0)

# Evidence packs: a folder that workers and the site share, and for how long their files are kept.
PACKS_FOLDER = Path(env.text("PACKS_FOLDER", str(DATA / "packs")))
PACKS_KEPT_DAYS = env.integer("PACKS_KEPT_DAYS", 30, minimum=1)
# Support -------------------------------------------------------------------------------------

# Files that members send to support lie here, where no web server looks; empty: none are taken.
EVIDENCE_DIR = env.text("EVIDENCE_DIR", str(DATA / "evidence") if EMBEDDED else "")
EVIDENCE_MAX_BYTES = env.integer("EVIDENCE_MAX_MB", 10, minimum=1) * 1_000_000
FILE_UPLOAD_HANDLERS = [
    "desk.uploads.Limited",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Ledger and propagation ----------------------------------------------------------------------

LEDGER_PARTITIONS = env.integer("LEDGER_PARTITIONS", 1, minimum=1)
DATA_STORES: dict[str, dict[str, Any]] = (
    env.parsed("DATA_STORES", {}, stores_from_json)
    if not EMBEDDED or os.environ.get("DATA_STORES")
    else {
        "member-profiles": {
            "BACKEND": "propagation.stores.sql.SqlStore",
            "LABEL": _("Training data selection"),
            "SLA": timedelta(minutes=15),
            "OPTIONS": {"url": f"sqlite:///{DATA / 'demo_store.sqlite3'}"},
        },
        "affiliates": {
            "BACKEND": "propagation.stores.webhook.WebhookStore",
            "LABEL": _("Affiliated companies"),
            "SLA": timedelta(hours=1),
            "OPTIONS": {
                "url": RUNNING.get("receiver_url", "http://127.0.0.1:8001/choices"),
                "secrets": [embedded.kept_secret(DATA / "webhook_secret", prefix="whsec_")],
                "allow_private": True,
            },
        },
    }
)
# Who gets the mail when a data store is later than its SLA, and when it has recovered.
ALERT_RECIPIENTS = env.words("ALERT_RECIPIENTS", ["operators@demo.example"] if EMBEDDED else [])
# What Prometheus sends to read /metrics. Without it there is no such page, except that the
# embedded mode shows it on one's own machine.
METRICS_TOKEN = env.secret("METRICS_TOKEN", "")

# Data kept -----------------------------------------------------------------------------------

# Days after which `desk.purging` removes what nobody needs any more; never a choice.
RETAIN_CAMPAIGN_WORK_DAYS = env.integer("RETAIN_CAMPAIGN_WORK_DAYS", 90, minimum=1)
RETAIN_UNUSUAL_ACCESS_DAYS = env.integer("RETAIN_UNUSUAL_ACCESS_DAYS", 365, minimum=1)

# Celery --------------------------------------------------------------------------------------
# A message is a hint to look at the database, which holds all state
# (docs/adr/0001-messages-are-hints.md). No task has an ETA or a countdown: a worker would hold it
# in memory, unacknowledged, until then. What is to happen later is a time in a row.

CELERY_BROKER_URL = env.text(
    "CELERY_BROKER_URL",
    RUNNING.get("broker_url", "filesystem://") if EMBEDDED else env.REQUIRED,
)
_broker = CELERY_BROKER_URL.partition(":")[0]
_rabbitmq = _broker in {"amqp", "amqps", "pyamqp"}
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    # Publishing waits for the broker's word, and raises without it: a hint that is lost is known
    # to be lost.
    {"confirm_publish": True}
    if _rabbitmq
    else embedded.filesystem_broker(DATA)
    if _broker == "filesystem"
    # What a killed worker held is handed out again after this many seconds. A task that takes
    # longer runs twice, which a lease makes harmless.
    else {
        "visibility_timeout": 60,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 3,
    }
)
CELERY_TASK_DEFAULT_QUEUE = env.text("CELERY_QUEUE", "privacydash")
if _rabbitmq:
    # Replicated: the loss of a broker node stops nothing. From 4.0 on RabbitMQ hands a message out
    # 20 times at most, so that one that kills its worker ends by itself. (Celery also declares
    # celery_delayed_0 to 27 then, for tasks with an ETA; they stay empty.)
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
CELERY_TASK_SERIALIZER = "json"
# Nothing but JSON is read: a pickle would be code from whoever can write to the broker.
CELERY_ACCEPT_CONTENT = CELERY_RESULT_ACCEPT_CONTENT = ["json"]
# Results would be state outside the database, and nobody reads them.
CELERY_TASK_IGNORE_RESULT = True
# A task is done when it is done, not when it was fetched; all are safe to run twice.
CELERY_TASK_ACKS_LATE = True
# A worker process that is killed gives its task back, which late acknowledgement alone does not.
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# One for each thread and none in advance: no worker hoards hints behind a slow store.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Quorum queues know no global prefetch; Celery then sets it for each consumer.
CELERY_WORKER_DETECT_QUORUM_QUEUES = True
# After a broken connection Celery would lower the prefetch for a while; it is at its lowest.
CELERY_WORKER_ENABLE_PREFETCH_COUNT_REDUCTION = False
# What runs when the connection breaks runs on: its message comes again, and finds nothing to do.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
# A broker that is away, at the start or for a day, must not end a worker: it tries without end.
CELERY_BROKER_CONNECTION_RETRY = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# An address that swallows packets counts as away after this many seconds.
CELERY_BROKER_CONNECTION_TIMEOUT = 3
# A connection that died without a word is noticed within twice this time.
CELERY_BROKER_HEARTBEAT = 30
# A hint is sent once more and then left to the next sweep: no task waits for the broker.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.2}
# A time limit kills a process in the middle of a write. Budgets, timeouts and leases end work.
CELERY_TASK_TIME_LIMIT = None
# In memory: the schedule is short intervals only, and a schedule file is one more thing to break.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    # `expires` keeps hints from piling up while no worker runs.
    "sweep": {"task": "propagation.tasks.sweep", "schedule": 2.0, "options": {"expires": 10}},
    "mails": {"task": "consent.tasks.sweep_mails", "schedule": 2.0, "options": {"expires": 10}},
    "campaigns": {"task": "campaigns.tasks.sweep", "schedule": 2.0, "options": {"expires": 10}},
    "count": {"task": "desk.tasks.count", "schedule": 10.0, "options": {"expires": 30}},
    "packs": {"task": "desk.tasks.make_packs", "schedule": 10.0, "options": {"expires": 30}},
    "reach": {"task": "desk.tasks.count_reach", "schedule": 600.0, "options": {"expires": 600}},
    "desk": {"task": "desk.tasks.sweep", "schedule": 5.0, "options": {"expires": 10}},
    "unusual": {
        "task": "desk.tasks.look_for_unusual",
        "schedule": 300.0,
        "options": {"expires": 200},
    },
    "purge": {"task": "desk.tasks.purge", "schedule": 3600.0, "options": {"expires": 3000}},
}

# Logs ----------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_tokens": {"()": "privacydash.logs.HideTokens"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["no_tokens"],
            "formatter": "line",
        },
    },
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": ["console"], "propagate": False},
        "fontTools": {"level": "WARNING"},  # tells of each font of each PDF
    },
}
