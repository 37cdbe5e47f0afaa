"""The routes, by screen. Each module has ``add_routes(blueprint)``."""

from __future__ import annotations

#: An id in an address; larger than any database key is simply not there.
ID = "int(max=9223372036854775807)"
ACCOUNT = f"/app/accounts/<{ID}:account_id>"
