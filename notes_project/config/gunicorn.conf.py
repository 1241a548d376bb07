"""How gunicorn runs this project."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured

from config.env import Environment

env = Environment("notes")

bind = env.text("NOTES_BIND", "127.0.0.1:8002")
# Not WEB_CONCURRENCY: gunicorn reads that by itself, and ends with a traceback where it is wrong.
workers = env.integer("WEB_WORKERS", 2)
try:
    env.require_valid()
except ImproperlyConfigured as error:
    sys.exit(str(error))

worker_class = "gthread"
threads = 4
# One load for all workers: less memory, and a wrong setting stops the start instead of each worker.
preload_app = True
# A heartbeat file on a disk can stall a worker; gunicorn's FAQ, "heartbeat".
worker_tmp_dir = "/dev/shm"
keepalive = 75
max_requests = 0
graceful_timeout = 20
control_socket_disable = True
# Django reads the gateway's X-Forwarded-Proto. gunicorn would compare it with headers of a client.
secure_scheme_headers: dict[str, str] = {}
# As much as the gateway lets through, which answers with a problem; a refusal of gunicorn is HTML.
limit_request_line = 8190
limit_request_fields = 10_000
limit_request_field_size = 16_380
# libpq reads it. PostgreSQL compiles what it takes for a long statement; of those here none gains.
os.environ.setdefault("PGOPTIONS", "-c jit=off")
