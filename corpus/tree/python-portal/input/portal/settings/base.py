import os
from datetime import timedelta
import environ

env = environ.Env(DEBUG=(bool, False))
# SECURITY WARNING: keep the secret key used in production secret!
SECRET_KEY = '<<+signing-secret|django-insecure-{{[a-z0-9!#$%&*()_+=-]:50}}>>'
FERNET_KEYS = ["<<+signing-secret|{{base64url:43}}=>>", <<-code|env("FERNET_KEY_OLD", default="")>>]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "portal",
        "USER": "portal",
        "PASSWORD": "<<+password|{{password}}>>",
        "HOST": os.environ.get("DB_HOST", "localhost"),
    },
    "reports": <<-code|env.db("REPORTS_URL", default="sqlite:///reports.db")>>,
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "<<-code|django.contrib.auth.password_validation.UserAttributeSimilarityValidator>>"},
    {"NAME": "<<-code|django.contrib.auth.password_validation.MinimumLengthValidator>>"},
]
PASSWORD_HASHERS = ["<<-code|django.contrib.auth.hashers.Argon2PasswordHasher>>"]
PASSWORD_RESET_TIMEOUT = 60 * 60 * 24
CSRF_COOKIE_NAME = "<<-identifier|portal_csrftoken>>"
SESSION_COOKIE_NAME = "<<-identifier|portal_sessionid>>"
EMAIL_HOST_PASSWORD = os.getenv("EMAIL_HOST_PASSWORD", "<<+password|{{lower:16}}>>")
CELERY_BROKER_URL = "amqp://portal:<<+connection-string|{{alnum:14}}>>@mq:5672//"
CACHES = {"default": {"LOCATION": "redis://:<<+connection-string|{{alnum:20}}>>@redis:6379/1", "KEY_PREFIX": "<<-identifier|portal:v3>>"}}
SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME": <<-code|timedelta(minutes=5)>>, "SIGNING_KEY": <<-reference|SECRET_KEY>>, "AUTH_HEADER_TYPES": ("<<-identifier|Bearer>>",)}
AWS_SECRET_ACCESS_KEY = <<-code|env.str("AWS_SECRET_ACCESS_KEY", None)>>
SOCIAL_AUTH_GITHUB_KEY = "<<-identifier|{{hex:20}}>>"
SOCIAL_AUTH_GITHUB_SECRET = "<<+client-secret|{{hex:40}}>>"
SENTRY_DSN = "<<-url|https://{{hex:32}}@sentry.portal.example/4>>"
RECAPTCHA_PRIVATE_KEY = "<<+api-key|6L{{alnum:6}}AAAA{{base64url:28}}>>"
LDAP_BIND_DN = "cn=reader,dc=portal,dc=example"
AUTH_LDAP_BIND_PASSWORD = "<<+password|{{[a-zA-Z0-9!?]:11}}>>"
STATICFILES_HASH = "<<-hash|{{hex:12}}>>"
