"""Contacts over the API: create, change, list, search, merge."""

from __future__ import annotations

from typing import Any

from api.client import Api
from services.fake_provider import BUDI, RINA

from chatport.db import tables as t

RINAS = f"+{RINA}"


def create(api: Api, status: int = 200, **values: Any) -> Any:
    told = api.post("contacts", values, status=status)
    return told["payload"]["contact"] if status == 200 else told


def rina(api: Api) -> int:
    return int(api.world.one(t.Contact, t.Contact.phone_number == RINAS).id)


def test_create_makes_a_contact_that_can_be_written_to(api: Api) -> None:
    told = api.post(
        "contacts",
        {
            "name": "Budi",
            "phone_number": f"+{BUDI}",
            "email": "budi@example.com",
            "inbox_id": api.world.inbox_id,
            "custom_attributes": {"tier": "gold"},
        },
    )["payload"]

    assert told["contact"]["phone_number"] == f"+{BUDI}"
    assert told["contact"]["custom_attributes"] == {"tier": "gold"}
    assert told["contact"]["identities"] == [{"kind": "phone", "value": BUDI}]
    assert told["contact_inbox"]["source_id"] == BUDI
    assert told["contact_inbox"]["inbox"]["name"] == "Sales"


def test_create_refuses_a_number_that_somebody_has(api: Api) -> None:
    told = create(api, status=422, name="Rina again", phone_number=RINAS)

    assert told["errors"] == {"phone_number": [f"The contact {rina(api)} has this number already."]}


def test_create_refuses_by_field(api: Api) -> None:
    told = create(api, status=422, phone_number="12345", email="no address")

    assert set(told["errors"]) == {"email"}
    assert set(create(api, status=422, phone_number="12345")["errors"]) == {"phone_number"}


def test_an_agent_cannot_use_an_inbox_of_others(api: Api) -> None:
    body = {"name": "X", "phone_number": f"+{BUDI}", "inbox_id": api.world.inbox_id}

    api.post("contacts", body, as_="bob", status=404)

    assert api.world.rows(t.Contact, t.Contact.phone_number == f"+{BUDI}") == []


def test_change_keeps_what_is_left_out(api: Api) -> None:
    path = f"contacts/{rina(api)}"
    api.patch(path, {"custom_attributes": {"a": 1}})

    shown = api.call("PUT", path, json={"name": "Rina", "custom_attributes": {"b": 2}})["payload"]

    assert (shown["name"], shown["phone_number"]) == ("Rina", RINAS)
    assert shown["custom_attributes"] == {"a": 1, "b": 2}


def test_a_changed_number_is_found_and_the_old_one_is_not(api: Api) -> None:
    api.patch(f"contacts/{rina(api)}", {"name": "Rina", "phone_number": f"+{BUDI}"})

    assert len(api.get(f"contacts/search?q={BUDI}")["payload"]) == 1
    assert api.get(f"contacts/search?q={RINA}")["payload"] == []


def test_lists_have_15_on_a_page(api: Api) -> None:
    for number in range(16):
        create(api, name=f"Person {number:02}")

    first, second = api.get("contacts?sort=name"), api.get("contacts?sort=name&page=2")

    assert first["meta"] == {"count": 17, "current_page": 1}
    assert (len(first["payload"]), len(second["payload"])) == (15, 2)
    assert first["payload"][1]["name"] == "Person 00"
    assert not {c["id"] for c in first["payload"]} & {c["id"] for c in second["payload"]}


def test_search_finds_by_part_of_name_number_and_address(both: Api) -> None:
    made = create(both, name="Ünal 100%", email="unal@example.com", identifier="crm-7")

    for words in ("Ünal", "100%", "UNAL@", "crm-7"):
        found = both.get("contacts/search", query_string={"q": words})["payload"]
        assert [one["id"] for one in found] == [made["id"]], words
    assert [c["id"] for c in both.get("contacts/search?q=0001122")["payload"]] == [rina(both)]
    assert both.get("contacts/search?q=%25")["meta"]["count"] == 1
    assert both.get("contacts/search?q=_")["payload"] == []


def test_conversations_of_a_contact_are_those_that_one_may_see(api: Api) -> None:
    path = f"contacts/{rina(api)}/conversations"

    assert [one["id"] for one in api.get(path)["payload"]] == [api.number()]
    assert api.get(path, as_="bob")["payload"] == []


def test_merge_moves_everything_and_can_be_undone(both: Api) -> None:
    api = both
    other = create(api, name="Rina B", phone_number=f"+{BUDI}", inbox_id=api.world.inbox_id)
    body = {"base_contact_id": other["id"], "mergee_contact_id": rina(api)}

    merged = api.post("actions/contact_merge", body)

    values = {one["value"] for one in merged["identities"]}
    assert (merged["id"], values) == (other["id"], {RINA, BUDI})
    loser = api.get(f"contacts/{rina(api)}")["payload"]
    assert (loser["merged_into_id"], loser["identities"]) == (other["id"], [])
    assert [c["id"] for c in api.get("contacts")["payload"]] == [other["id"]]
    [chat] = api.get(f"contacts/{other['id']}/conversations")["payload"]
    assert chat["id"] == api.number()
    [merge] = api.get(f"contacts/{other['id']}/merges")["payload"]
    assert merge["id"] == merged["merge_id"]

    api.post(f"contact_merges/{merge['id']}/undo")

    back = api.get(f"contacts/{rina(api)}")["payload"]
    assert (back["merged_into_id"], back["identities"][0]["value"]) == (None, RINA)
    assert api.post(f"contact_merges/{merge['id']}/undo", status=422)["attributes"] == ["merge_id"]


def test_a_contact_cannot_be_merged_with_itself(api: Api) -> None:
    body = {"base_contact_id": rina(api), "mergee_contact_id": rina(api)}

    told = api.post("actions/contact_merge", body, status=422)

    assert told["attributes"] == ["mergee_contact_id"]
