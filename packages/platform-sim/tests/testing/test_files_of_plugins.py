"""Drivers read the files that lie beside plug-ins and sequences."""

from __future__ import annotations

from pathlib import Path

import grpc
import nidmm
import pytest
from platform_sim import Platform, PlatformOptions

_READING_FAILED = -1074135037


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return an exported configuration. The present folder is none with plug-ins."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with Platform() as platform, _session(platform) as dmm:
        dmm.export_attribute_configuration_file("here.json")
    return Path("here.json").read_bytes()


def _session(platform: Platform) -> nidmm.Session:
    channel = grpc.insecure_channel(platform.state.device_server_address)
    options = nidmm.GrpcSessionOptions(channel, "")
    return nidmm.Session("DMM1", options="Simulate=1", grpc_options=options)


@pytest.mark.parametrize("kind", ["plugin_folders", "sequence_folders"])
def test_files_beside_plug_ins_and_sequences_can_be_read(kind, configuration, tmp_path):
    file = tmp_path / "project" / "sub" / "a.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(configuration)
    options = PlatformOptions(**{kind: (tmp_path / "project",)})
    with Platform(options) as platform, _session(platform) as dmm:
        dmm.import_attribute_configuration_file(str(file))


def test_files_of_a_plug_in_folder_that_comes_later_can_be_read(configuration, tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes(configuration)
    with Platform() as platform, _session(platform) as dmm:
        with pytest.raises(nidmm.errors.DriverError) as refused:
            dmm.import_attribute_configuration_file(str(file))
        assert refused.value.code == _READING_FAILED
        platform.add_plugin_folder(tmp_path)
        dmm.import_attribute_configuration_file(str(file))
