"""gunicorn -c deploy/gunicorn.conf.py wsgi:app (or chatport.wsgi:app for an installed wheel)."""

import multiprocessing

bind = "127.0.0.1:5000"
# Threads, because a webhook waits for its commit, and commits are shared between threads of a process.
worker_class = "gthread"
workers = min(4, multiprocessing.cpu_count())
threads = 16
timeout = 60
graceful_timeout = 20
keepalive = 5
# A worker that grew is replaced; requests in hand are finished first.
max_requests = 100_000
max_requests_jitter = 10_000
# Longest request line: search words and filters of the conversation list.
limit_request_line = 8190
# gunicorn drops header names with an underscore, and API clients send `api_access_token`: this one is let through,
# whoever sends it. What X-Forwarded-Proto says is judged by CHATPORT_TRUSTED_PROXIES alone.
forwarder_headers = "API_ACCESS_TOKEN"
forwarded_allow_ips = "*"
secure_scheme_headers: dict[str, str] = {}
