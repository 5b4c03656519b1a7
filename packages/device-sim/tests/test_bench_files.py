"""Bench files and the bench's API: the values that they accept, and their errors."""

from __future__ import annotations

import math

import nidcpower
import nidmm
import pytest
from device_sim import BenchError, DeviceServer, ManualClock
from device_sim.bench import Bench

GOOD = """
ground = "0"
sites = [1, 2]

[readings]
noise = false
calibration = false
quantization = false

[instruments.SMU1]
model = "4162"

[[connect]]
channel = "SMU1/{site}"
hi = "out{site}"
lo = "0"

[[part]]
name = "R{site}"
kind = "resistor"
a = "out{site}"
b = "0"
value = [100.0, 200.0]
"""


def load(bench_file, content: str) -> Bench:
    return Bench.load(bench_file(content), ManualClock())


def test_a_bench_names_models_and_gives_sites_their_parts(bench_file):
    bench = load(bench_file, GOOD)
    assert bench.model_of("smu1") == "4162"
    assert {name: part["value"] for name, part in bench.parts.items()} == {"R1": 100, "R2": 200}
    assert bench.is_wired(" smu1 / 2 ")
    assert not bench.is_wired("SMU1/0")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("ground", "grond", "has the unknown key 'grond'"),
        ("noise", "nose", "readings has the unknown key 'nose'"),
        ('model = "4162"', 'modle = "4162"', "instruments.SMU1 has the unknown key 'modle'"),
        ('hi = "out{site}"', "", "connect needs the key 'hi'"),
        ('kind = "resistor"', 'kind = "resister"', "the unknown kind 'resister'"),
        ('kind = "resistor"', "", "part needs the key 'kind'"),
        ("value = [100.0, 200.0]", "", "is a resistor and needs value"),
        ("value = [100.0, 200.0]", "value = [100.0]", "lists 1 values for 2 sites"),
        ("value = [100.0, 200.0]", "value = -1.0", "must not be below 0"),
        ("value = [100.0, 200.0]", "value = nan", "must be a number"),
        ("value = [100.0, 200.0]", f"value = 1{'0' * 400}", "must be a number"),
        ("value = [100.0, 200.0]", "value = 1.0\ndrift = inf", "must be finite"),
        ("value = [100.0, 200.0]", 'value = "big"', "must be a number"),
        ("value = [100.0, 200.0]", "value = 1.0\ncolour = 2.0", "no value 'colour'"),
        ('name = "R{site}"', 'name = "R"', "is defined twice. For several sites, write 'R{site}'"),
        ('channel = "SMU1/{site}"', 'channel = "SMU1/1"', "is connected twice"),
        ('ground = "0"', "ground = 0", "ground must be text, not 0"),
        ("sites = [1, 2]", "sites = 2", "sites must be a list of different site numbers, not 2"),
        ("sites = [1, 2]", "sites = [1, 1]", "sites must be a list of different site numbers"),
        ('channel = "SMU1/{site}"', "channel = 1", "channel must be a channel such as 'SMU1/0'"),
        ('channel = "SMU1/{site}"', 'channel = "S/{site}/0"', "a channel such as 'SMU1/0', not"),
        ('model = "4162"', 'model = ["4162"]', "model must be a model's number"),
        ('model = "4162"', "", "instruments.SMU1 needs the key 'model'"),
        ("noise = false", "noise = 0", "noise must be true or false, not 0"),
        ("noise = false", "seed = -1", "seed must be a whole number of at least 0"),
        ("[[connect]]", "[connect]", "connect must be tables, each with"),
        ("[readings]", "[readings", "is not a TOML file"),
        ("[readings]", '[[fault]]\nkind = "fire"\n[readings]', "kind of fault 'fire' is unknown"),
        (
            "[readings]",
            '[[fault]]\nkind = "open"\n[readings]',
            "fault open needs the key 'channel'",
        ),
        ("[readings]", '[[fault]]\nkind = "open"\nchannel="X/1"\n[readings]', "not connected"),
    ],
)
def test_a_wrong_bench_file_says_what_to_change(bench_file, old, new, complaint):
    assert old in GOOD
    with pytest.raises(BenchError, match=complaint.replace("{", r"\{")):
        load(bench_file, GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("wrong", "similar"), [("9", ""), ("4126", "Similar models are 4163, 4162")]
)
def test_a_model_that_no_driver_has_is_refused_at_the_start(bench_file, wrong, similar):
    with pytest.raises(BenchError) as caught:
        DeviceServer(bench_file(GOOD.replace("4162", wrong)))
    told = f"bench.toml: line 10: smu1: there is no model '{wrong}'. {similar}"
    assert told in str(caught.value)
    assert str(caught.value).endswith("The command 'device-sim coverage' lists all models.")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"SMU1/{site}"', '["SMU1/0", "SMU1/12"]', "smu1/12: a 4162 has the channels 0 to 11"),
        ('"SMU1/{site}"', '["SMU1/0", "SMU1/out"]', "smu1/out: a 4162 has the channels 0 to 11"),
        ('"SMU1/{site}"', '["SMU1/0", "DMM1/99"]', "no channel dmm1/99: no model has it"),
    ],
)
def test_a_surplus_channel_is_refused_by_name(bench_file, old, new, told):
    assert old in GOOD
    with pytest.raises(BenchError, match=told):
        DeviceServer(bench_file(GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            'hi = "out{site}"',
            'hi = "uot{site}"',
            "net 'uot1' is dangling: only channel smu1",
        ),
        (
            "[instruments.SMU1]",
            "[instruments.SMV1]",
            "instrument 'smv1' has a model, but no channel is wired",
        ),
        (
            "[readings]",
            '[[fault]]\nkind = "over-range"\ndevice = "SMV1"\n[readings]',
            "line 5: a fault names the unknown instrument 'SMV1'. The instruments are smu1",
        ),
    ],
)
def test_likely_mistakes_are_reported(bench_file, caplog, old, new, told):
    assert old in GOOD
    load(bench_file, GOOD.replace(old, new))
    assert told in caplog.text
    assert "bench.toml" in caplog.text


def test_a_bench_without_mistakes_gives_no_warning(bench_file, caplog):
    load(bench_file, GOOD)
    assert not caplog.records


def test_a_missing_bench_file_is_named(tmp_path):
    with pytest.raises(BenchError, match=r"nowhere\.toml"):
        DeviceServer(tmp_path / "nowhere.toml")


def test_wrong_values_are_refused_and_change_nothing(bench_file):
    bench = load(bench_file, GOOD)
    for name, values, complaint in (
        ("R9", {"value": 1.0}, "The bench has no part 'R9'. Its parts: R1, R2"),
        ("R1", {"ohms": 1.0}, "no value 'ohms'"),
        ("R1", {"value": math.nan}, "must be a number"),
        ("R1", {"value": -5.0}, "must not be below 0"),
    ):
        with pytest.raises(BenchError, match=complaint):
            bench.set(name, **values)
    assert bench.parts["R1"]["value"] == 100.0
    with pytest.raises(BenchError, match="not connected"):
        bench.disconnect("SMU1/7")
    with pytest.raises(BenchError, match="not connected"):
        bench.reconnect("SMU1/1")


@pytest.fixture
def bench(bench_file, request):
    return bench_file(getattr(request, "param", GOOD))


def ohms(channel) -> float:
    (measured,) = channel.measure_multiple()
    return measured.voltage / measured.current


def test_the_model_comes_from_the_bench_unless_the_client_asks_for_one(open_dcpower):
    assert open_dcpower("SMU1", options="").instrument_model == "NI PXIe-4162"
    assert open_dcpower("SMU1", model="4137").instrument_model == "NI PXIe-4137"


def test_a_part_set_during_a_test_is_measured_at_once(server, open_dcpower):
    channel = open_dcpower("SMU1/1", model="4162")
    channel.voltage_level = 0.05
    with channel.initiate():
        assert ohms(channel) == pytest.approx(100.0)
        server.bench.set("R1", value=150.0)
        assert ohms(channel) == pytest.approx(150.0)


def test_a_drifting_part(server, open_dcpower, clock):
    channel = open_dcpower("SMU1/1", model="4162")
    channel.voltage_level = 0.05
    channel.aperture_time = 1e-5
    clock.advance(5.0)
    server.bench.set("R1", drift=0.01)
    with channel.initiate():
        clock.advance(10.0)
        assert ohms(channel) == pytest.approx(110.0, rel=1e-6)


DRIFTING = GOOD + '\n[[fault]]\nkind = "drift"\npart = "R{site}"\nrate = [0.0, 0.1]\n'


@pytest.mark.parametrize("bench", [DRIFTING], indirect=True)
def test_the_bench_file_can_define_faults(open_dcpower, clock):
    session = open_dcpower("SMU1/1,SMU1/2", model="4162")
    session.voltage_level = 0.05
    session.aperture_time = 1e-5
    clock.advance(10.0)
    with session.initiate():
        assert ohms(session.channels["1"]) == pytest.approx(100.0)
        assert ohms(session.channels["2"]) == pytest.approx(400.0, rel=1e-5)


def test_an_open_connection_carries_no_current(server, open_dcpower):
    channel = open_dcpower("SMU1/1", model="4162")
    channel.voltage_level = 0.05
    with channel.initiate():
        server.bench.disconnect("SMU1/1")
        (measured,) = channel.measure_multiple()
        assert measured.voltage == pytest.approx(0.05)
        assert measured.current == 0.0
        server.bench.reconnect("SMU1/1")
        assert ohms(channel) == pytest.approx(100.0)


def test_an_open_current_source_rises_to_its_limit(server, open_dcpower):
    channel = open_dcpower("SMU1/1", model="4162")
    channel.output_function = nidcpower.OutputFunction.DC_CURRENT
    channel.current_level = 1e-4
    channel.voltage_limit = 12.0
    with channel.initiate():
        server.bench.disconnect("SMU1/1")
        (measured,) = channel.measure_multiple()
    assert (measured.voltage, measured.current) == (12.0, 0.0)


SHARED = GOOD.replace('hi = "out{site}"', 'hi = "out1"')


@pytest.mark.parametrize("bench", [SHARED], indirect=True)
def test_two_outputs_share_a_net(open_dcpower):
    session = open_dcpower("SMU1/1,SMU1/2", model="4162")
    session.current_limit_range = 0.1
    session.channels["1"].current_limit = 0.1
    session.channels["2"].current_limit = 0.002
    session.channels["1"].voltage_level = 1.0
    session.channels["2"].voltage_level = 2.0
    with session.initiate():
        strong, weak = session.measure_multiple()
        assert session.channels["2"].query_in_compliance() is True
    # 10 mA into the resistor, of which the weaker output delivers its 2 mA.
    assert (strong.voltage, weak.voltage) == pytest.approx((1.0, 1.0))
    assert (strong.current, weak.current) == pytest.approx((0.008, 0.002))


FLOATING = """
[readings]
noise = false
calibration = false
quantization = false

[[connect]]
channel = "SMU1/1"
hi = "a"
lo = "b"

[[connect]]
channel = "DMM1"
hi = "a"
lo = "b"

[[part]]
name = "R1"
kind = "resistor"
a = "a"
b = "b"
value = 50.0
"""


@pytest.mark.parametrize("bench", [FLOATING], indirect=True)
def test_nets_without_a_way_to_ground_work_as_well(open_dcpower, open_dmm):
    channel, dmm = open_dcpower("SMU1/1", model="4162"), open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    channel.voltage_level = 0.04
    with channel.initiate():
        (measured,) = channel.measure_multiple()
        assert dmm.read() == pytest.approx(0.04, rel=1e-9)
    assert measured.current == pytest.approx(0.04 / (50 * 1e7 / (50 + 1e7)), rel=1e-9)
