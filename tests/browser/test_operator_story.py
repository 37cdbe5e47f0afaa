"""An operator sets Chatport up in the browser and answers customers, for each provider, over real processes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browser.services import MAKERS, Service
from installation import PASSWORD, Installation, installed

from support import eventually

pytestmark = pytest.mark.processes
WAIT = 20_000
NUMBERS = {
    "whatsapp_web": "5491100000000",
    "whatsapp_cloud": "15557001234",
    "dialog360": "4930700001234",
}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def chatport(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation without an administrator."""
    nobody = {f"CHATPORT_BOOTSTRAP_{name}": "" for name in ("EMAIL", "PASSWORD", "TOKEN")}
    with installed(tmp_path_factory.mktemp("browser") / "data", environment=nobody) as running:
        yield running


@pytest.fixture(scope="module")
def page(chatport: Installation, chromium: Any) -> Iterator[Any]:
    """The operator's window, signed in through the one-time link."""
    context = chromium.new_context(viewport={"width": 1360, "height": 860})
    opened = context.new_page()
    opened.set_default_timeout(WAIT)
    complaints: list[str] = []
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda e: complaints.append(str(e)))
    first_start(opened, chatport)
    yield opened
    context.close()
    # A refused form answers 422, of which the browser complains; nothing else may be there.
    assert [one for one in complaints if "422" not in one] == []


def first_start(page: Any, chatport: Installation) -> None:
    """The link of the log makes the administrator, once."""
    link = re.search(r"(http\S+/setup/\S+)", chatport.log)
    assert link, chatport.log
    page.goto(link[1])
    page.fill("[name=name]", "Ada")
    page.fill("[name=email]", "ada@example.com")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=repeated]", PASSWORD)
    page.click("text=Create administrator")
    page.wait_for_selector("text=Welcome, Ada")
    page.wait_for_selector("text=Add a channel")


@pytest.fixture(scope="module", params=sorted(MAKERS))
def service(request: pytest.FixtureRequest, page: Any) -> Iterator[Service]:
    """A service whose channel the operator has added through the form."""
    made = MAKERS[request.param](NUMBERS[request.param])
    add_channel(page, made)
    yield made
    made.simulator.stop()


def add_channel(page: Any, service: Service) -> None:
    page.click("nav >> text=Channels")
    page.click("text=Add a channel >> nth=0")
    page.click(f"a[href*='provider={service.provider}']")
    page.fill("[name=name]", f"Shop {service.number}")
    page.fill("[name=phone_number]", f"+{service.number}")
    for name, value in service.typed.items():
        fill(page, name, value)

    name, mistyped = service.wrong
    fill(page, name, mistyped)
    page.click("text=Test the connection")
    page.wait_for_selector("#test-result .verdict.bad")
    fill(page, name, service.typed[name])
    page.click("text=Test the connection")
    page.wait_for_selector("#test-result .verdict.good")

    page.click("text=Create the channel")
    page.wait_for_url("**/setup")
    page.wait_for_selector("text=Listening for the first delivery")
    assert not any(value in page.content() for value in ("EAAGsimulated", "simulated-d360-key"))
    if service.pairing:
        link_phone(page, service)


def fill(page: Any, name: str, value: str) -> None:
    """Type into a field, which may lie in a part that is folded away."""
    field = page.locator(
        f"form [name='{name}'], form [name='config.{name}'], form [name$='{name}']"
    ).first
    field.evaluate("e => { const d = e.closest('details'); if (d) d.open = true }")
    field.fill(value)
    field.blur()


def link_phone(page: Any, service: Service) -> None:
    """The QR code is shown, scanned, and the page goes on by itself."""
    page.click("text=Link the phone")
    page.click("text=Show the QR code")
    picture = page.wait_for_selector("img[alt^='QR code']")
    assert service.simulator.url not in picture.get_attribute("src")
    service.simulator.scan_qr()
    page.wait_for_selector("text=To the conversations")


def open_chat(page: Any, name: str) -> None:
    page.click("nav >> text=Conversations")
    page.click(f"a.row:has-text('{name}')")
    page.wait_for_selector(".thread-head")


def say(page: Any, text: str) -> Any:
    """Write, and the bubble that shows it."""
    page.fill("#text", text)
    page.keyboard.press("Enter")
    bubble = page.locator(f"li.msg.out:has-text('{text}')")
    bubble.wait_for()
    return bubble


def state_of(bubble: Any, words: str) -> None:
    """Wait until a bubble's tick says so."""
    bubble.locator(f".state[title='{words}']").wait_for()


def test_customer_writes_and_is_answered(page: Any, service: Service) -> None:
    name = f"Rina at {service.provider}"
    customer = service.customer(name)
    page.click("nav >> text=Conversations")
    customer.text("Is the *walnut* table there?")
    open_chat(page, name)
    page.wait_for_selector("li.msg.in >> text=walnut")

    answer = say(page, "Yes, two are left.")
    state_of(answer, "Sent")
    assert "Yes, two are left." in service.sent()
    service.read(customer)
    state_of(answer, "Read")

    customer.text("Wonderful!")  # nobody reloads
    page.wait_for_selector("li.msg.in >> text=Wonderful!")


def test_picture_arrives_and_one_goes_out(page: Any, service: Service) -> None:
    name = f"Mateo at {service.provider}"
    customer = service.customer(name)
    customer.image(caption="this one")
    open_chat(page, name)
    picture = page.wait_for_selector("li.msg.in .picture img")
    eventually(lambda: picture.evaluate("e => e.complete && e.naturalWidth > 0"), 10)

    page.set_input_files("#files", [{"name": "a.png", "mimeType": "image/png", "buffer": PNG}])
    page.fill("#text", "or this?")
    page.click("#send")
    bubble = page.locator("li.msg.out:has-text('or this?')")
    bubble.locator(".picture img").wait_for()
    state_of(bubble, "Sent")


def test_reply_reaction_and_failure_with_retry(page: Any, service: Service) -> None:
    name = f"Dewi at {service.provider}"
    customer = service.customer(name)
    source_id = customer.text("Which size?")
    open_chat(page, name)
    answer = say(page, "Large")
    state_of(answer, "Sent")
    customer.react(
        service.simulator.sent[-1].source_id
        if service.pairing
        else service.simulator.sent[-1].wamid,
        "👍",
    )
    answer.locator(".reactions >> text=👍").first.wait_for()
    customer.reply(source_id, "I mean this one")
    page.wait_for_selector("li.msg.in .quote >> text=Which size?")

    reason = service.refuse()
    refused = say(page, "Too late?")
    refused.locator(".outcome.failed").wait_for()
    assert reason in refused.inner_text()
    service.heal()
    refused.locator("[data-do=retry]").click()
    state_of(refused, "Sent")
    assert service.sent().count("Too late?") == 1


def test_template_is_filled_and_sent(page: Any, service: Service) -> None:
    if not service.templates:
        open_chat(page, "Dewi")
        assert page.locator("#templates").count() == 0
        return
    name = f"Lena at {service.provider}"
    service.customer(name).text("hello")
    open_chat(page, name)

    def listed() -> bool:
        page.click("#templates")
        page.wait_for_selector("#dialog[open] #template-list")
        found = page.locator("#dialog >> text=order_ready").count() > 0
        if not found:
            page.keyboard.press("Escape")
        return found

    eventually(listed, timeout=30)
    page.click("#dialog summary:has-text('order_ready')")
    page.fill("#dialog [data-variable='1']", "Lena")
    page.fill("#dialog [data-variable='2']", "1042")
    assert "Hello Lena, your order 1042 is ready." in page.inner_text("#dialog [data-preview]")
    page.click("#dialog >> text=Send template")
    bubble = page.locator("li.msg.out:has-text('your order 1042 is ready')")
    bubble.wait_for()
    state_of(bubble, "Sent")
    assert service.simulator.sent[-1].type == "template"


def test_channel_page_shows_evidence(page: Any, service: Service) -> None:
    page.click("nav >> text=Channels")
    page.click(f"text=Shop {service.number}")
    shown = page.inner_text("main")

    assert re.search(r"\d+ ?s(econds)? ago|just now|a moment ago|minute", shown), shown
    assert not any(
        value in page.content()
        for value in service.typed.values()
        if len(value) > 20 and "://" not in value
    )


def test_event_log_traces_a_delivery(page: Any, service: Service) -> None:
    page.click("nav >> text=Event log")
    page.wait_for_selector(f"main table >> text=Shop {service.number}")
    page.click("main table a[href*='/events/'] >> nth=0")
    page.wait_for_selector("pre")
