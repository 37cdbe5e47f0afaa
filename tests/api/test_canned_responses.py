"""Canned answers over the API."""

from __future__ import annotations

from typing import Any

from api.client import Api


def keep(api: Api, code: str, content: str = "Hello!", **more: Any) -> Any:
    return api.post("canned_responses", {"short_code": code, "content": content}, **more)


def test_canned_responses_are_kept_and_listed_as_a_plain_list(api: Api) -> None:
    made = keep(api, "hi", "Hello {{contact.name}}!", as_="bob")

    assert (made["short_code"], made["content"]) == ("hi", "Hello {{contact.name}}!")
    assert made["account_id"] == api.world.account_id
    assert api.get("canned_responses") == [made]


def test_canned_responses_are_searched(api: Api) -> None:
    keep(api, "hours", "We open at nine.")
    keep(api, "opening")
    keep(api, "bye")

    assert [r["short_code"] for r in api.get("canned_responses?search=open")] == [
        "opening",
        "hours",
    ]


def test_canned_responses_are_changed_and_deleted(api: Api) -> None:
    key = keep(api, "hi")["id"]

    changed = api.patch(f"canned_responses/{key}", {"content": "Good day"})
    assert (changed["short_code"], changed["content"]) == ("hi", "Good day")
    replaced = api.call("PUT", f"canned_responses/{key}", json={"short_code": "hey"})
    assert replaced["short_code"] == "hey"

    api.delete(f"canned_responses/{key}")
    assert api.get("canned_responses") == []
    api.delete(f"canned_responses/{key}", status=404)


def test_canned_responses_are_refused_by_field(api: Api) -> None:
    keep(api, "hi")

    assert set(keep(api, "HI", status=422)["errors"]) == {"short_code"}
    assert set(keep(api, "a b", status=422)["errors"]) == {"short_code"}
    assert set(keep(api, "a", "", status=422)["errors"]) == {"content"}


def test_canned_responses_of_another_account_are_not_there(api: Api) -> None:
    key = keep(api, "hi")["id"]
    others = f"/accounts/{api.other_account_id}/canned_responses"

    assert api.get(others, as_="eve") == []
    api.refused("PATCH", f"{others}/{key}", 404, as_="eve", json={"content": "x"})
    api.refused("DELETE", f"{others}/{key}", 404, as_="eve")
