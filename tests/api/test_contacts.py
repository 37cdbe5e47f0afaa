"""Contacts over the API: create, change, list, search, merge."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from api.client import Api
from services.fake_provider import BUDI, RINA

from chatport.db import tables as t
from chatport.db import utcnow
from chatport.identities import Identity
from chatport.services.contact_identities import learn

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


def merged(api: Api, base: int, mergee: int) -> int:
    body = {"base_contact_id": base, "mergee_contact_id": mergee}
    return int(api.post("actions/contact_merge", body)["merge_id"])


def owners(api: Api) -> dict[str, int]:
    return {row.value: row.contact_id for row in api.world.rows(t.ContactIdentity)}


def test_a_merged_contact_is_changed_where_it_went(api: Api) -> None:
    base, gone = create(api, name="A", phone_number="+4915100001"), create(api, name="B")
    merged(api, base["id"], gone["id"])

    told = api.patch(f"contacts/{gone['id']}", {"phone_number": "+4915100003"}, status=422)

    assert told["errors"] == {"id": [f"This contact was merged into the contact {base['id']}."]}
    assert told["action"]
    assert "4915100003" not in owners(api)


def test_merge_fills_gaps_of_the_attributes_and_the_undo_takes_them_back(both: Api) -> None:
    base = create(both, name="A", custom_attributes={"tier": "gold"})
    other = create(both, name="B", custom_attributes={"tier": "tin", "city": "Bonn", "size": 4})
    path = f"contacts/{base['id']}"

    merge = merged(both, base["id"], other["id"])

    attributes = both.get(path)["payload"]["custom_attributes"]
    assert attributes == {"tier": "gold", "city": "Bonn", "size": 4}
    both.patch(path, {"custom_attributes": {"city": "Kiel"}})
    both.post(f"contact_merges/{merge}/undo")
    assert both.get(path)["payload"]["custom_attributes"] == {"tier": "gold", "city": "Kiel"}


def test_undo_keeps_what_was_changed_after_the_merge(both: Api) -> None:
    base = create(both, name="", email="a@example.com")
    other = create(both, name="Bea", phone_number="+4915100002")
    path = f"contacts/{base['id']}"
    merge = merged(both, base["id"], other["id"])
    both.patch(path, {"name": "By hand", "phone_number": "+4915100009"})

    both.post(f"contact_merges/{merge}/undo")

    kept, back = both.get(path)["payload"], both.get(f"contacts/{other['id']}")["payload"]
    assert (kept["name"], kept["phone_number"]) == ("By hand", "+4915100009")
    assert kept["identities"] == [{"kind": "phone", "value": "4915100009"}]
    assert (back["name"], back["phone_number"]) == ("Bea", "+4915100002")
    assert back["identities"] == [{"kind": "phone", "value": "4915100002"}]


def test_undo_of_a_merge_waits_for_the_merge_that_followed(both: Api) -> None:
    a, b, c = (create(both, name=n, phone_number=f"+491510000{n}")["id"] for n in "123")
    first, second = merged(both, a, b), merged(both, c, a)

    told = both.post(f"contact_merges/{first}/undo", status=422)
    assert told["errors"] == {
        "merge_id": [f"The contact {a} was merged into {c} since; undo that merge first."]
    }
    for merge in (second, first):
        both.post(f"contact_merges/{merge}/undo")

    assert {k: v for k, v in owners(both).items() if k != RINA} == {
        "4915100001": a,
        "4915100002": b,
        "4915100003": c,
    }


def test_create_and_change_refuse_an_address_or_identifier_that_somebody_has(api: Api) -> None:
    one = create(api, name="A", email="q@example.com", identifier="crm-1")
    path = f"contacts/{create(api, name='B')['id']}"

    for values in ({"email": "Q@example.com"}, {"identifier": "crm-1"}):
        [name] = values
        refusal = {name: [f"The contact {one['id']} has this {name} already."]}
        assert create(api, status=422, **values)["errors"] == refusal
        assert api.patch(path, values, status=422)["errors"] == refusal
        api.patch(f"contacts/{one['id']}", values)


def test_a_changed_number_is_the_address_in_every_inbox(api: Api) -> None:
    with api.world.core.db.write("identity") as connection:
        connection.execute(
            sa.insert(t.ContactIdentity).values(
                account_id=1, contact_id=rina(api), kind="wa_id", value=RINA, created_at=utcnow()
            )
        )
    contact_id = rina(api)
    api.patch(f"contacts/{contact_id}", {"phone_number": "+4915100077"})

    told = api.get(f"contacts/{contact_id}")["payload"]
    assert told["identities"] == [{"kind": "phone", "value": "4915100077"}]
    assert [one["source_id"] for one in told["contact_inboxes"]] == ["4915100077"]


def test_a_changed_number_leaves_no_other_form_of_the_old_one(api: Api) -> None:
    made = create(api, name="Ana", phone_number="+5511987654321")
    with api.world.core.db.write("seen, and learned") as connection:
        learn(connection, 1, made["id"], [Identity("wa_id", "551187654321")])

    told = api.patch(f"contacts/{made['id']}", {"phone_number": "+4915100077"})["payload"]

    assert told["identities"] == [{"kind": "phone", "value": "4915100077"}]


def test_a_mended_form_of_a_number_keeps_what_fits_it(api: Api) -> None:
    made = create(api, name="Ana", phone_number="+551187654321")
    with api.world.core.db.write("learned") as connection:
        learn(connection, 1, made["id"], [Identity("wa_id", "5511987654321")])

    told = api.patch(f"contacts/{made['id']}", {"phone_number": "+5511987654321"})["payload"]

    assert told["identities"] == [
        {"kind": "wa_id", "value": "5511987654321"},
        {"kind": "phone", "value": "5511987654321"},
    ]
