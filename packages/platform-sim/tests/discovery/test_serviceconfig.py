"""Reading .serviceconfig files."""

from __future__ import annotations

import json
import os

import pytest
from capabilities import needs_fifos
from platform_sim.discovery.catalog import ServiceCatalog
from platform_sim.discovery.serviceconfig import read_service_config
from platform_sim.errors import ServiceConfigError
from plugin_folders import service_entry, write_service_config


def test_a_file_may_start_with_a_byte_order_mark_and_hold_several_services(tmp_path):
    file = tmp_path / "two.serviceconfig"
    document = {"services": [service_entry("test.One"), service_entry("test.Two")]}
    file.write_text(json.dumps(document), encoding="utf-8-sig")

    classes = [one.service.service_class for one in read_service_config(file)]
    assert classes == ["test.One", "test.Two"]


@pytest.mark.parametrize(
    "spelling",
    [
        {"providedInterfaces": ["test.A", "test.B"]},
        {"providedInterfaces": None, "providedInterface": ["test.A", "test.B"]},
    ],
)
def test_both_spellings_of_the_interface_key_are_read(tmp_path, spelling):
    file = write_service_config(tmp_path, service_entry("test.One", **spelling))
    (installed,) = read_service_config(file)
    assert installed.service.provided_interfaces == ("test.A", "test.B")


def test_a_single_interface_may_be_plain_text(tmp_path):
    entry = service_entry("test.One", providedInterfaces=None, providedInterface="test.A")
    (installed,) = read_service_config(write_service_config(tmp_path, entry))
    assert installed.service.provided_interfaces == ("test.A",)


def test_annotations_that_are_not_text_become_compact_json(tmp_path):
    annotations = {"ni/service.tags": ["power", "dc"], "ni/service.description": "Text"}
    entry = service_entry("test.One", annotations=annotations)
    (installed,) = read_service_config(write_service_config(tmp_path, entry))
    assert installed.service.annotations == {
        "ni/service.tags": '["power","dc"]',
        "ni/service.description": "Text",
    }


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        (service_entry("test.One", serviceClass=None), "serviceClass"),
        (service_entry("test.One", displayName=None), "displayName"),
        (service_entry("test.One", providedInterfaces=None), "providedInterfaces"),
        (service_entry("test.One", **{"platform-sim": {"start": "text"}}), "platform-sim"),
        (service_entry("", displayName="One"), "serviceClass must be a name"),
        (service_entry("test.One", displayName=3), "displayName must be a name, not 3"),
        (service_entry("test.One", providedInterfaces=[3]), "must be a list of names"),
        (service_entry("test.One", version={"major": 1}), "version must be text"),
        (service_entry("test.One", path=["start.bat"]), "path must be text"),
    ],
)
def test_a_missing_or_wrong_key_is_named_with_the_file(tmp_path, entry, named):
    file = write_service_config(tmp_path, entry)
    with pytest.raises(ServiceConfigError, match=named) as raised:
        read_service_config(file)
    assert str(file) in str(raised.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "Expecting value"),
        ("[]", "The content must have the form"),
        ('{"services": null}', "The content must have the form"),
        ('{"services": ["test.One"]}', "The content must have the form"),
        ("[" * 100_000, "nested too deeply"),
        ("\udcff", "can't decode"),
    ],
)
def test_an_invalid_serviceconfig_is_reported_with_the_file(tmp_path, content, told):
    file = tmp_path / "plugin.serviceconfig"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ServiceConfigError, match=told) as raised:
        read_service_config(file)
    assert str(file) in str(raised.value)


def test_folders_are_searched_to_any_depth_the_upper_ones_first(tmp_path):
    for place in ("one/two/three", "one", ""):
        write_service_config(tmp_path / place, service_entry(f"test.{place or 'top'}"))
    catalog = ServiceCatalog([tmp_path])
    classes = [one.service.service_class for one in catalog.installed()]
    assert classes == ["test.top", "test.one", "test.one/two/three"]


def test_new_changed_and_removed_files_are_seen_at_the_next_look(tmp_path):
    catalog = ServiceCatalog([tmp_path])

    def classes():
        return [one.service.service_class for one in catalog.installed()]

    assert classes() == []
    file = write_service_config(tmp_path / "plugin", service_entry("test.First"))
    assert classes() == ["test.First"]
    write_service_config(tmp_path / "plugin", service_entry("test.Changed"))
    assert classes() == ["test.Changed"]
    file.unlink()
    assert classes() == []


def test_a_broken_file_hides_only_itself(tmp_path, caplog):
    (tmp_path / "broken.serviceconfig").write_text("{")
    write_service_config(tmp_path / "good", service_entry("test.Good"))
    catalog = ServiceCatalog([tmp_path])

    for _ in range(2):
        assert [one.service.service_class for one in catalog.installed()] == ["test.Good"]
    assert [record.getMessage().count("broken.serviceconfig") for record in caplog.records] == [1]


@pytest.mark.timeout(300)
@needs_fifos
def test_a_pipe_or_a_huge_file_is_skipped_and_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.serviceconfig")
    huge = tmp_path / "huge.serviceconfig"
    huge.touch()
    os.truncate(huge, 2**30)
    write_service_config(tmp_path, service_entry("test.One"))
    catalog = ServiceCatalog([tmp_path])

    assert [one.service.service_class for one in catalog.installed()] == ["test.One"]
    told = sorted(catalog.problems())
    assert ["huge.serviceconfig" in told[0], "pipe.serviceconfig" in told[1]] == [True, True]
