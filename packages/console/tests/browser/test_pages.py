"""Every page can be read by everybody, shows hostile names as text, and asks nothing outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import grpc
import pytest
from axe_playwright_python.sync_playwright import Axe
from console_browser import Visit
from measurement_console.pages import PAGES
from ni.measurementlink.discovery.v1 import discovery_service_pb2 as pb
from ni.measurementlink.discovery.v1.discovery_service_pb2_grpc import DiscoveryServiceStub
from platform_process import PlatformProcess
from playwright.sync_api import Page, expect
from plugin_folders import TEST_PLUGINS
from plugin_kit.calling import MeasurementPlugin
from running_chain import Chain
from sequence_client import sequence_client, slow_sequence

Open = Callable[..., Visit]
ECHO = "platform_sim.tests.Echo"
SERIOUS = ("serious", "critical")
PLOTTED = "/instruments?plot=BenchSMU/0,BenchDMM0/0"
PHONE = {"width": 390, "height": 800}
V2 = "ni.measurementlink.measurement.v2.MeasurementService"


def faults_of(page: Page) -> list[str]:
    """Return the serious faults that axe finds on a page."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in SERIOUS
    ]


def is_too_wide(page: Page) -> bool:
    """Return whether a user must scroll the whole page to the right."""
    return page.evaluate("() => document.documentElement.scrollWidth > innerWidth + 1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_fault_for_those_who_cannot_see_or_use_a_mouse(
    chain: Chain, visit: Open, scheme: str
) -> None:
    platform = chain.start_platform(
        options=("--plugins", TEST_PLUGINS, "--sequences", chain.sequences, *bench(chain))
    )
    chain.start_registered_logger(platform)
    show_something_everywhere(chain, platform)
    user = visit(chain.start_chain_console("--control"), color_scheme=scheme)
    user.take_control()
    user.open(f"/measure?service={ECHO}").get_by_role("button", name="Run").click()
    expect(user.page.locator("#measure-run")).to_contain_text("done")
    expect(user.page.locator("figure").first).to_be_visible()
    faults = faults_of(user.page)
    for page in PAGES:
        user.open(page.path)
        user.page.wait_for_timeout(300)  # the first news of its stream
        faults += faults_of(user.page)
    expect(user.open(PLOTTED).locator("figure").first).to_be_visible()
    faults += faults_of(user.page)
    user.page.set_viewport_size(PHONE)
    for path in (*(page.path for page in PAGES), f"/measure?service={ECHO}", PLOTTED):
        user.open(path).wait_for_timeout(200)
        assert not is_too_wide(user.page), path
    assert faults == []


def test_without_a_platform_every_page_says_so_and_what_to_do(chain: Chain, visit: Open) -> None:
    user = visit(chain.start_console())
    for page in PAGES:
        expect(user.open(page.path).locator("main code").first).to_be_visible()
        assert faults_of(user.page) == []


def bench(chain: Chain) -> tuple[object, ...]:
    chain.lay_out()
    return ("--bench", chain.sequences / "bench.toml")


def show_something_everywhere(chain: Chain, platform: PlatformProcess) -> None:
    """Start a plug-in, log a record, and finish a run of a sequence."""
    address = platform.state.discovery_address
    MeasurementPlugin.resolve(ECHO, discovery_address=address).close()
    with chain.open_log() as log:
        log.log_data("m", {}, {"v": 1.5})
    sequence = slow_sequence(chain.sequences / "slow")
    (chain.sequences / "slow" / "go-on").touch()
    with sequence_client(address) as client:
        client.finish(client.start(sequence.resolve()))


SCRIPT = "<script>document.title='hacked'</script>"
HOSTILE = {
    "script": SCRIPT,
    "attribute": "\"' onfocus=alert(1) autofocus x='",
    "json": '"}\' hx-get="http://example.com" \'{"a":"',
    "direction": "abc\u202ecba\u2066",
    "template": "{{ 7*7 }}{% raw %}</textarea></select></pre>" + SCRIPT,
    "long": "x" * 10_000,
}


@pytest.fixture
def stranger() -> Iterator[int]:
    """Serve gRPC without any service, and return the port."""
    server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


def test_hostile_names_of_plugins_are_shown_as_text(
    chain: Chain, visit: Open, stranger: int
) -> None:
    platform = chain.start_platform()
    for key, name in HOSTILE.items():
        register(platform, f"test.{key}.{name}", name, stranger)
    user = visit(chain.start_console("--control"))
    user.take_control()
    for path in ("/now", "/services", "/measure"):
        page = user.open(path)
        page.get_by_text("{{ 7*7 }}").first.wait_for()
        assert page.get_by_text("\u202e").count() == 0
        assert not is_too_wide(page), path
        unharmed(page)
    for key, name in HOSTILE.items():
        page = user.open(f"/measure?service={quote(f'test.{key}.{name}')}")
        page.get_by_text("cannot be asked").first.wait_for()
        page.get_by_role("button", name="Ask again").click()
        page.wait_for_timeout(100)
        unharmed(page)


def register(platform: PlatformProcess, service_class: str, name: str, port: int) -> None:
    """Register a service, as any program of the user can."""
    description = pb.ServiceDescriptor(
        display_name=name, service_class=service_class, provided_interfaces=[V2]
    )
    location = pb.ServiceLocation(location="localhost", insecure_port=str(port))
    with grpc.insecure_channel(platform.state.discovery_address) as channel:
        DiscoveryServiceStub(channel).RegisterService(
            pb.RegisterServiceRequest(service_description=description, location=location)
        )


def unharmed(page: Page) -> None:
    assert "hacked" not in page.title()
    assert page.locator("main script").count() == 0
    assert page.locator("[onfocus]").count() == 0
    assert page.get_by_text("49", exact=True).count() == 0


def test_a_form_gives_back_what_a_user_writes(chain: Chain, visit: Open) -> None:
    platform = chain.start_platform(options=("--plugins", TEST_PLUGINS))
    MeasurementPlugin.resolve(ECHO, discovery_address=platform.state.discovery_address).close()
    user = visit(chain.start_console("--control"))
    user.take_control()
    page = user.open(f"/measure?service={ECHO}")
    text = f"{HOSTILE['template']} {HOSTILE['attribute']}"
    written = {
        "text": text,
        "double": "2.5e-3",
        "texts": f'{SCRIPT}\n"two\\nlines"',
        "i32s": "7\n8",
    }
    for name, value in written.items():
        page.get_by_label(name, exact=True).fill(value)
    page.get_by_label("color", exact=True).select_option("RED")
    page.get_by_label("flag", exact=True).uncheck()
    page.get_by_role("button", name="Run").click()
    run = page.locator("#measure-run")
    expect(run).to_contain_text("done")
    shown = {"text": text, "double": "0.0025", "i32s": "7, 8", "color": "RED (2)", "flag": "false"}
    for name, value in shown.items():
        expect(run.locator(f"dt:text-is('{name}') + dd")).to_have_text(value)
    unharmed(page)
    page.get_by_role("button", name="Show the call").click()
    expect(page.locator("#form-python")).to_contain_text("'double': 0.0025")
    assert platform_agrees(page, platform)


def platform_agrees(page: Page, platform: PlatformProcess) -> bool:
    """Run the copied Python call, and return whether the plug-in got the same values."""
    program = page.locator("#form-python").inner_text()
    found: dict[str, object] = {}
    exec(program, found)
    outputs = found["outputs"]
    assert isinstance(outputs, dict)
    return outputs["texts"] == [SCRIPT, "two\nlines"] and outputs["flag"] is False
