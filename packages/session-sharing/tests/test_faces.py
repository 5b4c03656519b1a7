"""The faces that users import export the names in `__all__`, and load no more than they need."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys

import pytest
import session_sharing

HALVES = ["session_sharing.client", "session_sharing.server"]
FACES = [
    "session_sharing",
    *HALVES,
    "session_sharing.cli.serving",
    "session_sharing.locks",
    "session_sharing.ni",
]


def exported(face: str) -> set[str]:
    names = importlib.import_module(face).__all__
    assert len(names) == len(set(names))
    return set(names)


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a new process has loaded after a statement."""
    script = f"import json, sys\n{statement}\nprint(json.dumps(list(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE)
    return set(json.loads(answer.stdout))


def of_the_core(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("session_sharing.core.")}


def test_the_package_itself_loads_no_grpc_and_neither_half() -> None:
    modules = loaded_by("import session_sharing; session_sharing.SessionSharingError")

    assert of_the_core(modules) == {"session_sharing.core.behaviors", "session_sharing.core.errors"}
    assert not modules & {"grpc", "google.protobuf", *HALVES}


def test_the_client_half_loads_nothing_of_the_core_but_behaviors_errors_and_events() -> None:
    assert of_the_core(loaded_by("import session_sharing.client")) == {
        "session_sharing.core.behaviors",
        "session_sharing.core.errors",
        "session_sharing.core.events",
    }


def test_what_clients_need_loads_nothing_of_the_server_half() -> None:
    modules = loaded_by("from session_sharing import ConnectOptions, SharedSession")

    assert not {name for name in modules if name.startswith("session_sharing.server")}


def test_a_name_means_the_same_object_in_every_face_that_exports_it() -> None:
    for name in set.union(*map(exported, FACES)):
        found = [getattr(importlib.import_module(f), name) for f in FACES if name in exported(f)]
        assert all(one is found[0] for one in found), name
    assert exported("session_sharing") <= exported(HALVES[0]) | exported(HALVES[1])


def test_a_name_that_the_package_lacks_is_an_ordinary_import_error() -> None:
    with pytest.raises(ImportError, match="no_such_name"):
        from session_sharing import no_such_name  # type: ignore[attr-defined]  # noqa: F401


@pytest.mark.parametrize("half", HALVES)
def test_a_half_exports_every_error_that_its_users_can_meet(half: str) -> None:
    module = importlib.import_module(half)
    errors = {
        name
        for inner in ("session_sharing.core.errors", f"{half}.errors")
        if importlib.util.find_spec(inner)
        for name, value in vars(importlib.import_module(inner)).items()
        if isinstance(value, type) and issubclass(value, session_sharing.SessionSharingError)
    }

    assert errors <= set(module.__all__)
