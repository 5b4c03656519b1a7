"""The pytest plugin, as docs/testing-plugins.md shows it."""

from __future__ import annotations

import os

import pytest
from page_commands import Page, write_files
from platform_sim.platform import PlatformOptions
from plugin_folders import TEST_PLUGINS, TINY, write_plain_service


def test_the_page_for_other_projects_works_as_written(pytester):
    files = Page("docs/testing-plugins.md").named_files()
    assert "test_my_plugin.py" in files
    write_files(pytester.path, files)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=6)


def test_the_plugin_imports_nothing_heavy_before_a_fixture_is_used(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_light():
            assert not {"grpc", "google.protobuf", "numpy"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


@pytest.fixture(scope="module")
def ni_platform_options():
    return PlatformOptions(plugin_folders=(TEST_PLUGINS,), has_device_server=False)


def test_options_come_from_the_fixture_that_a_test_overrides(ni_platform):
    assert list(ni_platform.plugin(TINY).stream()) == [{"doubled": 4.0}]
    assert ni_platform.device_server_address == ""


def test_limits_fail_a_test_and_name_each_value_outside(ni_platform):
    outputs = ni_platform.plugin(TINY).measure()
    ni_platform.check_limits(outputs, {"doubled": {"low": 3.9, "high": 4.1}})
    with pytest.raises(AssertionError, match=r"doubled at site 2: 4\.0 is not within at most 3"):
        ni_platform.check_limits(outputs, {"doubled": {"sites": {2: {"high": 3}}}}, site=2)


def test_a_module_has_one_platform(pytester):
    pytester.makepyfile(
        """
        addresses = []

        def test_one(ni_platform_module):
            addresses.append(ni_platform_module.discovery_address)

        def test_another(ni_platform_module):
            assert addresses == [ni_platform_module.discovery_address]
        """
    )
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=2)


def test_the_platform_of_a_test_precedes_that_of_its_module(ni_platform_module, ni_platform):
    assert os.environ["PLATFORM_SIM_DISCOVERY"] == ni_platform.discovery_address
    assert ni_platform.discovery_address != ni_platform_module.discovery_address


def test_after_a_platform_of_its_own_the_modules_is_found_again(ni_platform_module):
    assert os.environ["PLATFORM_SIM_DISCOVERY"] == ni_platform_module.discovery_address


def test_a_run_has_one_platform_which_the_sdk_finds_when_no_other_is_there(pytester):
    imports = "import os\n\n"
    check = "    assert os.environ['PLATFORM_SIM_DISCOVERY'] == {}.discovery_address\n\n"
    of_module = "def test_it(ni_platform_module):\n" + check.format("ni_platform_module")
    of_run = "def test_run(ni_platform_session):\n" + check.format("ni_platform_session")
    of_both = (
        "def test_both(ni_platform_module, ni_platform_session):\n"
        + check.format("ni_platform_module")
        + "    assert os.environ.setdefault('RUNS', ni_platform_session.discovery_address)"
        + " == ni_platform_session.discovery_address\n\n"
    )
    pytester.makepyfile(
        test_a=imports + of_module + of_both, test_b=imports + of_run, test_c=imports + of_both
    )
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=4)


def test_output_of_plugins_is_in_the_log_folder(ni_platform, tmp_path):
    folder = write_plain_service(tmp_path / "plain", "test.Plain").parent
    script = folder / "measurement.py"
    script.write_text("print('hello', flush=True)\n" + script.read_text())
    ni_platform.add_plugins(tmp_path)

    from ni.measurementlink.discovery.v1.client import DiscoveryClient

    DiscoveryClient().resolve_service("test.Interface")
    assert (ni_platform.log_folder / "test.Plain-0.0.1.log").read_text() == "hello\n"
