from pathlib import Path


def test_a_plugin_is_started_and_measures(platform):
    platform.add_plugins(Path(__file__).parent / "plugins")
    plugin = platform.plugin("platform_sim.tests.Tiny")
    assert [list(plugin.measure({"value": 21}))] == [[{"doubled": 42.0}]]
