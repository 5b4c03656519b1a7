"""Users import what they need from `device_comm`; a client does not load the server half."""

from __future__ import annotations

import json
import subprocess
import sys

import device_comm
import device_comm.server


def test_the_faces_export_the_names_that_they_list() -> None:
    for face in (device_comm, device_comm.server):
        for name in face.__all__:
            assert getattr(face, name) is not None


def test_a_client_loads_neither_the_server_half_nor_its_extras() -> None:
    script = (
        "import json, sys\nfrom device_comm import DeviceCommunicationClient\n"
        "print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE)
    loaded = set(json.loads(done.stdout))

    # grpc itself loads the empty top package of its reflection, if that is installed.
    extras = {"click", "filelock", "grpc_reflection.v1alpha"}
    assert not loaded & {*extras, "device_comm.server", "session_sharing.server"}
