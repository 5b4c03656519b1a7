"""A request can say how to open a resource, if the resource's kind takes parameters."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hosting import hosted
from inline import Probe, World
from session_sharing.client import ConnectOptions, SharedSession
from session_sharing.core.admission import Limits
from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.core.errors import (
    InvalidArgumentError,
    LimitExceededError,
    ResourceNotFoundError,
    SessionNotFoundError,
)
from session_sharing.core.registry import RegistryOptions
from session_sharing.core.resources import Candidate, Resource
from session_sharing.core.sessions import Client, OpenRequest

ATTACH = InitializationBehavior.ATTACH_TO_SERVER_SESSION


class Tuned(Probe):
    """A resource that is opened with a volume."""

    def __init__(self, name: str, volume: str) -> None:
        super().__init__(name)
        self.volume = volume

    def describe(self) -> Mapping[str, str]:
        return {"volume": self.volume}


class TunedKind:
    """Opens resources as loud as the request says."""

    def __init__(self, volume: str = "1") -> None:
        self._volume = volume

    def with_parameters(self, parameters: Mapping[str, str]) -> TunedKind:
        if parameters["volume"] == "missing":
            raise ResourceNotFoundError("There is no such volume.")
        return TunedKind(parameters["volume"])

    def locate(self, name: str, *, create: bool) -> Candidate:
        if name == "nowhere":
            raise ResourceNotFoundError("There is no such place.")
        return Candidate(key=name, open=lambda: Tuned(name, self._volume))


@pytest.fixture
def world() -> World:
    options = RegistryOptions(limits=Limits(max_name_length=100))
    return World(options, {"tuned": TunedKind(), "plain": Probe})


def volume_of(resource: Resource) -> str:
    assert isinstance(resource, Tuned)
    return resource.volume


def test_the_request_that_creates_the_session_decides_the_parameters(world: World) -> None:
    def opened_with(name: str, **parameters: str) -> str:
        request = OpenRequest("tuned", name, parameters=parameters)
        return volume_of(world.registry.open(request, Client("a")).result().session.resource)

    assert opened_with("a") == "1"
    assert opened_with("b", volume="7") == "7"
    assert opened_with("b", volume="9") == "7"


def test_a_kind_without_parameters_refuses_them_and_names_them(world: World) -> None:
    request = OpenRequest("plain", "a", parameters={"volume": "7"})

    with pytest.raises(InvalidArgumentError, match="volume"):
        world.registry.open(request, Client("a")).result()


def test_a_wrong_parameter_is_refused_as_such_also_when_attaching(world: World) -> None:
    parameters = {"volume": "missing"}
    request = OpenRequest("tuned", "a", behavior=ATTACH, parameters=parameters)

    with pytest.raises(ResourceNotFoundError, match="volume"):
        world.registry.open(request, Client("a")).result()


def test_a_missing_resource_has_no_session_to_attach_to(world: World) -> None:
    request = OpenRequest("tuned", "nowhere", behavior=ATTACH, parameters={"volume": "2"})

    with pytest.raises(SessionNotFoundError):
        world.registry.open(request, Client("a")).result()


@pytest.mark.parametrize("parameters", [{"volume": "7" * 101}, {"v" * 101: "7"}])
def test_a_parameter_that_is_too_long_is_refused(world: World, parameters: dict[str, str]) -> None:
    request = OpenRequest("tuned", "a", parameters=parameters)

    with pytest.raises(LimitExceededError):
        world.registry.open(request, Client("a")).result()


def test_a_parameter_with_a_control_character_is_refused(world: World) -> None:
    request = OpenRequest("tuned", "a", parameters={"volume": "\x1b[2J"})

    with pytest.raises(InvalidArgumentError):
        world.registry.open(request, Client("a")).result()


class TunedSession(SharedSession):
    kind = "tuned"

    def _parameters(self) -> dict[str, str]:
        return {"volume": "7"}


def test_a_client_sends_the_parameters_of_its_session() -> None:
    with hosted(kinds={"tuned": TunedKind()}) as host:
        options = ConnectOptions(host.targets[0], host.authenticator.token)
        with TunedSession("a", options) as session:
            assert session.details == {"volume": "7"}
