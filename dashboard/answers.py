"""The few shapes of an answer that all routes share.

Owns: telling a fragment request from a page request, problems, redirects that work for both. Must not know: screens.
"""

from __future__ import annotations

from typing import Any, cast

from flask import Response, make_response, redirect, render_template, request
from flask_babel import gettext as _


def is_fragment() -> bool:
    """Whether a script asks for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def problem(message: str, action: str = "", status: int = 422) -> Response:
    """Why something was not done and what to do next: as a notice for scripts, as a page for people."""
    if not is_fragment():
        page = render_template("dashboard/error.html", title=message, advice=action, code=status)
        return make_response(page, status)
    response = make_response(
        render_template("dashboard/_problem.html", message=message, advice=action), status
    )
    response.headers["HX-Retarget"] = "#notices"
    response.headers["HX-Reswap"] = "beforeend"
    return response


def error_page(status: int) -> Response:
    """A page or notice for an HTTP error."""
    title, advice = {
        400: (_("The request cannot be understood"), _("Reload the page and try again.")),
        403: (_("You may not do this"), _("Ask an administrator of the account.")),
        404: (
            _("There is nothing here"),
            _("It may have been removed, or belong to an inbox that you cannot see."),
        ),
        413: (_("This is too large"), _("Attach a smaller file.")),
        429: (_("Too many attempts"), _("Wait a few minutes, then try again.")),
    }.get(status, (_("Something went wrong"), _("Try again. If it stays, look into the log.")))
    return problem(title, advice, status)


def done(location: str, fragment: str | None = None, *, trigger: str = "") -> Response:
    """Success: a fragment for scripts (204 without one), a redirect for plain forms."""
    if not is_fragment():
        return cast("Response", redirect(location, 303))
    response = make_response(fragment or "", 200 if fragment is not None else 204)
    if trigger:
        response.headers["HX-Trigger"] = trigger
    return response


def go(location: str) -> Response:
    """Send the browser to another page, from a plain form or from a script."""
    if not is_fragment():
        return cast("Response", redirect(location, 303))
    response = make_response("", 204)
    response.headers["HX-Redirect"] = location
    return response


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A rendered template."""
    return make_response(render_template(f"dashboard/{template}", **values), status)
