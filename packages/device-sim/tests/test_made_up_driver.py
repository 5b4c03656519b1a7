"""The base reads the names on the wire from the messages, and serves streams and markers."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import grpc
import made_up_driver
import pytest
from device_sim import DeviceServer, ManualClock, drivers
from every_driver import DMM

SAMPLE_COUNT = DMM.table["sample_count"].id  # which each marker owns here
TRIGGER_COUNT = DMM.table["trigger_count"].id  # which each channel owns here


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Return a function for each call of the driver, on a session with the name `s`."""
    made_up_driver.write_folder(tmp_path / "madeup")
    messages = made_up_driver.make_messages()
    monkeypatch.setitem(sys.modules, made_up_driver.NAME, messages)
    monkeypatch.setattr(drivers, "__path__", [str(tmp_path)])
    server = DeviceServer(clock=ManualClock())
    with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:

        def serve(rpc: str):
            request, answer = (
                getattr(messages, f"{rpc}{kind}") for kind in ("Request", "Response")
            )
            make = channel.unary_stream if rpc == "Count" else channel.unary_unary
            method = make(
                f"/{made_up_driver.INTERFACE}/{rpc}", request.SerializeToString, answer.FromString
            )
            session = {} if rpc == "CreateTask" else {"task": {"name": "s"}}
            return lambda **fields: method(request(**session, **fields), timeout=60)

        yield SimpleNamespace(**{rpc: serve(rpc) for rpc in made_up_driver.CALLS})
    server.stop()
    for module in [n for n in sys.modules if n.startswith(f"{drivers.__name__}.madeup")]:
        del sys.modules[module]


@pytest.fixture
def opened(call):
    answer = call.CreateTask(session_name="s", resource_name="Dev1")
    assert (answer.task.name, answer.new_session_initialized) == ("s", True)
    return call


def refusal(action) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        action()
    return dict(caught.value.trailing_metadata()).get("ni-error", caught.value.code().name)


def test_attributes_and_channels_are_read_by_other_names(opened):
    opened.SetAttributeViInt32(channel_list="1", attribute=TRIGGER_COUNT, value=7)
    assert opened.GetAttributeViInt32(channel_list="1", attribute=TRIGGER_COUNT).value == 7
    assert opened.GetAttributeViInt32(channel_list="0", attribute=TRIGGER_COUNT).value == 0
    assert opened.GetChannelName(index=2).names == "1"


def test_each_marker_has_its_own_value(opened):
    opened.SetAttributeViInt32(channel_list="Marker1", attribute=SAMPLE_COUNT, value=5)
    for name, value in (("marker1", 5), ("1", 5), ("Dev1/Marker1", 5), ("0", 1), ("Marker0", 1)):
        assert opened.GetAttributeViInt32(channel_list=name, attribute=SAMPLE_COUNT).value == value
    opened.SetAttributeViInt32(channel_list="Marker0:1", attribute=SAMPLE_COUNT, value=6)
    assert opened.GetAttributeViInt32(channel_list="0", attribute=SAMPLE_COUNT).value == 6


def test_an_unknown_marker_is_refused_and_the_error_kept(opened):
    unknown = {"channel_list": "Marker2", "attribute": SAMPLE_COUNT}
    assert refusal(lambda: opened.GetAttributeViInt32(**unknown)) == "-1074135008"
    error = opened.GetError()
    assert error.error_code == -1074135008
    assert "Marker2" in error.error_description


def test_a_stream_of_answers_comes_in_order_and_time(opened):
    assert [answer.number for answer in opened.Count(up_to=3)] == [0, 1, 2]


def test_a_stream_ends_with_the_drivers_error(opened):
    numbers = []
    assert refusal(lambda: numbers.extend(a.number for a in opened.Count(up_to=9))) == "-1074135024"
    assert numbers == [0, 1, 2]
    assert opened.GetError().error_description.endswith("Three is too many.")


def test_a_stream_of_an_unknown_session_is_refused(call):
    assert refusal(lambda: list(call.Count(up_to=1))) == "-1074130544"


def test_a_session_without_an_instrument_is_allowed_where_the_driver_says_so(call):
    call.CreateTask(session_name="s", resource_name="")
    assert call.GetChannelName(index=1).names == "0"


def test_closing_ends_the_session(opened):
    opened.Close()
    assert refusal(lambda: opened.GetError()) == "-1074130544"
