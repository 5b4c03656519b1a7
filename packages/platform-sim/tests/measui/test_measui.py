"""The panel of a plug-in with every parameter type, and the check of panels."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree
from platform_sim.cli.measui import measui_command
from platform_sim.measui import check_bindings, measui_text, missing_controls
from platform_sim.measui.bindings import MeasuiError
from platform_sim.platform import Platform, PlatformOptions
from plugin_folders import TEST_PLUGINS
from plugin_kit.calling import MeasurementPlugin, PluginMetadata

SERVICE_CLASS = "platform_sim.tests.Echo"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    options = PlatformOptions(
        plugin_folders=(TEST_PLUGINS,),
        log_folder=tmp_path_factory.mktemp("logs"),
        has_device_server=False,
    )
    with Platform(options) as platform:
        yield platform.discovery_address


@pytest.fixture(scope="module")
def metadata(address: str) -> PluginMetadata:
    with MeasurementPlugin.resolve(SERVICE_CLASS, discovery_address=address) as plugin:
        return plugin.metadata


@pytest.fixture(scope="module")
def panel(metadata: PluginMetadata) -> str:
    return measui_text(SERVICE_CLASS, metadata)


def controls(panel: str) -> dict[str, str]:
    """Return the kind of each control, by the parameter or output that it shows."""
    root = etree.fromstring(panel.encode())
    return {
        channel.partition("/")[2]: etree.QName(node).localname
        for node in root.iter()
        if (channel := node.get("Channel"))
    }


def test_every_parameter_has_a_control_of_its_type(panel: str, metadata: PluginMetadata) -> None:
    found = controls(panel)

    assert {f"Configuration/{one.name}" for one in metadata.parameters} <= set(found)
    assert (
        found.items()
        >= {
            "Configuration/i32": "ChannelNumericText",
            "Configuration/i64": "ChannelNumericText",
            "Configuration/u32": "ChannelNumericText",
            "Configuration/u64": "ChannelNumericText",
            "Configuration/single": "ChannelNumericText",
            "Configuration/double": "ChannelNumericText",
            "Configuration/flag": "ChannelCheckBox",
            "Configuration/text": "ChannelStringControl",
            "Configuration/path": "ChannelPathSelector",
            "Configuration/resource": "ChannelPinSelector",
            "Configuration/color": "ChannelEnumSelector",
            "Configuration/i32s": "ChannelArrayViewer",
            "Configuration/u64s": "ChannelArrayViewer",
            "Configuration/doubles": "ChannelArrayViewer",
            "Configuration/flags": "ChannelArrayViewer",
            "Configuration/texts": "ChannelArrayViewer",
            "Configuration/paths": "ChannelArrayViewer",
            "Configuration/resources": "ChannelPinSelector",
            "Configuration/colors": "ChannelArrayViewer",
        }.items()
    )
    assert found["Output/flag"] == "ChannelLED"
    assert found["Output/color"] == "ChannelEnumSelector"
    assert found["Output/XY Data"] == "HmiGraphPlot"


def test_a_type_without_a_known_control_is_named(panel: str, metadata: PluginMetadata) -> None:
    assert check_bindings(panel, SERVICE_CLASS, metadata) == []
    assert missing_controls(panel, metadata) == [
        "Output/Grid has no control.",
        "Output/Words has no control.",
    ]


def test_an_enum_selector_offers_the_values_of_the_enum(panel: str) -> None:
    root = etree.fromstring(panel.encode())
    (selector,) = [
        node
        for node in root.iter("{*}ChannelEnumSelector")
        if node.get("Channel", "").endswith("Configuration/color")
    ]

    offered = {item.get("DisplayValue"): item.get("Value") for item in selector}
    assert offered == {
        "[string]RED": "[int]2",
        "[string]NONE": "[int]0",
        "[string]BLUE": "[int]7",
    }


def test_controls_do_not_overlap(panel: str) -> None:
    surface = next(etree.fromstring(panel.encode()).iter("{*}ScreenSurface"))

    def number(node: etree._Element, name: str) -> float:
        return float(node.get(name, "").removeprefix("[float]"))

    columns: dict[float, list[tuple[float, float]]] = {}
    for node in surface:
        top = number(node, "Top")
        columns.setdefault(number(node, "Left"), []).append((top, top + number(node, "Height")))
    assert len(columns) == 2
    for spans in columns.values():
        spans.sort()
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
        assert spans[-1][1] <= number(surface, "Height")


def test_the_same_metadata_gives_the_same_panel(panel: str, metadata: PluginMetadata) -> None:
    assert measui_text(SERVICE_CLASS, metadata) == panel


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('Configuration/double"', 'Configuration/duble"', "bound to Configuration/duble"),
        ('ServiceClass="platform_sim.tests.Echo"', 'ServiceClass="x"', "service class x"),
        ('/Output/i32"', '/Result/i32"', "neither to the configuration nor to the output"),
        ('Label="[UIModel]', 'Label="[UIModel]f', "which does not exist"),
        ('ClientId="{', 'ClientId="{f', "does not start with the screen's ClientId"),
    ],
)
def test_a_wrong_binding_is_found(
    panel: str, metadata: PluginMetadata, old: str, new: str, problem: str
) -> None:
    assert old in panel

    problems = check_bindings(panel.replace(old, new, 1), SERVICE_CLASS, metadata)

    assert problem in " ".join(problems)


def without_client_id(panel: str) -> str:
    return re.sub(r' ClientId="[^"]*"', "", panel, count=1)


@pytest.mark.parametrize(
    "change",
    [
        without_client_id,
        lambda panel: re.sub(r"\[string\]\{([-\w]+)\}/", r"[string]\1/", panel),
        lambda panel: re.sub(r"\[string\]\{[-\w]+\}/", "[string]", panel),
    ],
    ids=["no ClientId", "ids without braces", "no ids"],
)
def test_a_panel_as_one_of_nis_tools_writes_it_has_no_fault(
    panel: str, metadata: PluginMetadata, change: Callable[[str], str]
) -> None:
    changed = change(panel)
    assert changed != panel
    assert check_bindings(changed, SERVICE_CLASS, metadata) == []


def test_without_a_client_id_all_channels_still_start_with_one_id(
    panel: str, metadata: PluginMetadata
) -> None:
    changed = without_client_id(panel).replace("[string]{", "[string]{f", 1)
    changed = re.sub(r"\{f(\w)", "{f", changed, count=1)

    problems = check_bindings(changed, SERVICE_CLASS, metadata)

    assert problems
    assert all("does not start with {" in problem for problem in problems)


@pytest.mark.parametrize("text", ["<a", "<a/>"])
def test_another_file_is_refused(metadata: PluginMetadata, text: str) -> None:
    with pytest.raises(MeasuiError):
        check_bindings(text, SERVICE_CLASS, metadata)


@pytest.mark.parametrize("stranger", ["&e;", "<!-- a comment -->", "<?hint x?>"])
def test_comments_in_a_panel_are_no_error(
    panel: str, metadata: PluginMetadata, stranger: str
) -> None:
    head, start, rest = panel.partition("<SourceFile")
    declared = f"{head}<!DOCTYPE a [<!ENTITY e 'x'>]>{start}{rest}"
    inside = declared.replace("<Screen ", f"{stranger}<Screen ", 1)
    assert inside != declared
    assert check_bindings(inside, SERVICE_CLASS, metadata) == []


def test_the_command_writes_and_checks(address: str, tmp_path: Path, panel: str) -> None:
    path = tmp_path / "Panel.measui"
    environment = {"PLATFORM_SIM_DISCOVERY": address}

    written = CliRunner().invoke(measui_command, [SERVICE_CLASS, "-o", str(path)], env=environment)
    checked = CliRunner().invoke(
        measui_command, [SERVICE_CLASS, "--check", str(path)], env=environment
    )

    assert written.exit_code == 0
    assert path.read_text(encoding="utf-8") == panel
    assert checked.exit_code == 0, checked.output
    assert "note: Output/Grid has no control." in checked.stderr
