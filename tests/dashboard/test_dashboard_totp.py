"""The second factor."""

from __future__ import annotations

import html
import re
import time
from typing import Any

import pytest

from chatport.db import tables as t
from chatport_dashboard import limits, totp

PASSWORD = "correct horse battery"
#: The secret of RFC 6238, appendix B.
RFC = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, pattern
    return match[1]


def code_now(secret: str, *, later: int = 0) -> str:
    return totp.code_at(secret, int(time.time()) // 30 + later)


def turn_on(site: Any) -> str:
    """Set it up through the page; answers the secret."""
    browser = site.admin
    page = browser.get("/app/profile/totp").text
    secret = re.sub(r"\s", "", found(r'class="secret">([^<]+)<', page))
    sealed = found(r'name="secret" value="([^"]+)"', page)
    wrong = browser.post("/app/profile/totp", secret=sealed, code="12345")
    assert wrong.status_code == 422
    assert (
        browser.post("/app/profile/totp", secret=sealed, code=code_now(secret)).status_code == 303
    )
    return secret


def begin(browser: Any) -> str:
    """Give the password; answers the proof of it."""
    page = browser.post("/login", email="ana@shop.test", password=PASSWORD)
    assert page.status_code == 200
    return found(r'name="pending" value="([^"]+)"', page.text)


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (2000000000, "279037")]
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert totp.code_at(RFC, seconds // 30) == code
    assert totp.matching_step(RFC, f"{code[:3]} {code[3:]}", seconds) == seconds // 30


@pytest.mark.parametrize("code", ["", "28708", "2870822", "abcdef", "٢٨٧٠٨٢", "287083"])
def test_wrong_codes_match_nothing(code: str) -> None:
    assert totp.matching_step(RFC, code, 59) is None


def test_code_of_a_used_or_distant_step_matches_nothing() -> None:
    assert totp.matching_step(RFC, "287082", 59, after=1) is None
    assert totp.matching_step(RFC, "287082", 59 + 90) is None
    assert totp.matching_step(RFC, "287082", 59 + 30) == 1


def test_login_asks_for_the_code_and_takes_each_once(site: Any, stranger: Any) -> None:
    secret = turn_on(site)
    pending = begin(stranger)
    assert stranger.get("/app/profile").status_code == 302

    step = site.one(t.User, t.User.id == site.admin_id).preferences["totp_step"]
    used = stranger.post("/login/code", pending=pending, code=totp.code_at(secret, step))
    fresh = totp.code_at(secret, step + 1)
    taken = stranger.post("/login/code", pending=pending, code=fresh, next="/app/profile")

    assert used.status_code == 422  # it has turned the factor on
    assert (taken.status_code, taken.headers["Location"]) == (303, "/app/profile")
    assert stranger.get("/app/profile").status_code == 200


@pytest.mark.parametrize("pending", ["", "1", "1:9999999999:" + "x" * 43, "1:9999999999", ":::"])
def test_code_without_a_right_password_opens_nothing(
    site: Any, stranger: Any, pending: str
) -> None:
    secret = turn_on(site)

    answer = stranger.post("/login/code", pending=pending, code=code_now(secret, later=1))

    assert answer.status_code == 422
    assert stranger.get("/app/profile").status_code == 302


def test_proof_of_the_password_ends(site: Any, stranger: Any, monkeypatch: Any) -> None:
    secret = turn_on(site)
    pending = begin(stranger)
    now = time.time()
    monkeypatch.setattr("chatport_dashboard.views.entry.time.time", lambda: now + 301)

    answer = stranger.post("/login/code", pending=pending, code=code_now(secret, later=1))

    assert "That took too long" in answer.text


def test_codes_cannot_be_guessed_without_end(site: Any, stranger: Any) -> None:
    turn_on(site)
    pending = begin(stranger)

    answers = [
        stranger.post("/login/code", pending=pending, code="12345").status_code
        for _ in range(limits.PER_BOTH + 1)
    ]

    assert answers[-1] == 429


def test_secret_is_stored_encrypted_and_turned_off_by_password(site: Any, stranger: Any) -> None:
    secret = turn_on(site)
    pending = begin(stranger)
    stranger.post("/login/code", pending=pending, code=code_now(secret, later=1))

    stored = site.one(t.User, t.User.id == site.admin_id).totp_secret
    wrong = stranger.post("/app/profile/totp/off", current="wrong")
    right = stranger.post("/app/profile/totp/off", current=PASSWORD)

    assert secret not in stored
    assert (wrong.status_code, right.status_code) == (422, 303)
    assert not totp.is_on(site.core, site.admin_id)


def test_turning_it_on_signs_other_browsers_out(site: Any) -> None:
    other = site.admin

    turn_on(site)

    assert other.get("/app/profile").status_code == 302


def test_the_key_is_shown_as_a_qr_code_that_the_policy_allows(site: Any) -> None:
    answer = site.admin.get("/app/profile/totp")

    secret = re.sub(r"\s", "", found(r'class="secret">([^<]+)<', answer.text))
    image = html.unescape(found(r'class="totp-picture" src="([^"]+)"', answer.text))
    assert image == totp.picture(secret, "ana@shop.test")
    assert image.startswith("data:image/svg+xml")
    assert "img-src 'self' data:" in answer.headers["Content-Security-Policy"]
    assert totp.picture(RFC, "ana@shop.test") != image
