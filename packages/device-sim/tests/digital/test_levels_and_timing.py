"""Levels and time sets come from sheets with formulas, or from calls."""

from __future__ import annotations

import hightime
import nidigital
import pytest
from device_sim.drivers.nidigital.files.formulas import FormulaError, Formulas
from digital_files import NON_RETURN, levels, specifications, timing

INVALID_VALUE = -1074135024
SHEET_FAILED = -1074118494
FILE_FAILED = -1074135037
SPECS = {"AC.Period": "10 µ", "AC.Frequency": "1 / AC.Period", "DC.VCC": "2 V", "DC.Off": "100 mV"}


def refused(code: int, action) -> str:
    with pytest.raises(nidigital.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
    return caught.value.description


def seconds(value: float) -> hightime.timedelta:
    return hightime.timedelta(seconds=value)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("260", 260.0),
        ("1.5 m", 1.5e-3),
        ("-1.5 mA", -1.5e-3),
        ("20 ns", 20e-9),
        ("1 µs", 1e-6),
        ("1 MHz", 1e6),
        (".5e3 kHz", 5e5),
        ("3 V + DC.VCC + DC.Off", 5.1),
        ("(3 * ac.period) / 4", 7.5e-6),
        ("AC.Period + (1 / AC.Frequency) * 0.1", 11e-6),
        ("-(2 V - 0.5 V)", -1.5),
    ],
)
def test_a_formula_has_numbers_with_units_variables_and_four_operations(formula, value):
    formulas = Formulas({name.lower(): text for name, text in SPECS.items()})
    assert formulas.evaluate(formula) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "formula",
    [
        "",
        "x",
        "DC.Unknown",
        "1 furlong",
        "1 / 0",
        "9 ** 9",
        "1e400",
        "1e999999999999 m",
        "__import__('os').getpid()",
        "DC.VCC.real",
        "[1]",
        "1 if 1 else 2",
        "(" * 500,
        "-" * 990 + "1",
        "1" * 2000,
        "True + 1",
        "'a'",
    ],
)
def test_all_else_is_refused_as_a_formula(formula):
    formulas = Formulas({name.lower(): text for name, text in SPECS.items()})
    try:
        value = formulas.evaluate(formula)
    except FormulaError:
        return
    assert formula.startswith("-")  # Many signs are one number, if Python reads so many.
    assert value == 1.0


def test_variables_that_define_each_other_are_refused():
    with pytest.raises(FormulaError, match="defined by itself"):
        Formulas({"a.x": "A.Y", "a.y": "A.X + 1"}).evaluate("a.x")
    chain = {f"a.x{n}": f"a.x{n + 1}" for n in range(1000)}
    with pytest.raises(FormulaError):
        Formulas(chain).evaluate("a.x0")


def test_a_levels_sheet_sets_only_what_it_has_on_its_pins_and_the_given_sites(mapped, put):
    rows = {
        "AB": {
            "Vil": "0.1",
            "Vih": "3 V + DC.VCC + DC.Off",
            "Iol": "2 mA",
            "TerminationMode": "Vterm",
        },
        "C": {"Vcom": "1", "Ioh": "-1 m", "TerminationMode": "ActiveLoad"},
    }
    mapped.load_specifications_levels_and_timing(
        put("s.specs", specifications(SPECS)), put("fast.digilevels", levels(rows)), None
    )
    mapped.sites[1].apply_levels_and_timing("fast", "")
    a, other, c = (mapped.pins[name] for name in ("site1/A", "site0/A", "site1/C"))
    assert (a.vil, a.vih, a.active_load_iol) == (0.1, pytest.approx(5.1), 2e-3)
    assert a.termination_mode is nidigital.TerminationMode.VTERM
    assert (a.vol, a.voh) == (1.6, 1.7)
    assert (other.vil, other.vih) == (0.0, 3.3)
    assert (c.active_load_vcom, c.active_load_ioh, c.vih) == (1.0, -1e-3, 3.3)
    assert c.termination_mode is nidigital.TerminationMode.ACTIVE_LOAD


def test_a_timing_sheet_replaces_all_time_sets(timed, put):
    timed.create_time_set("mine")
    edges = (
        "<ReturnToHigh><On>AC.Period * 0.1</On><Data>2 ns</Data><Return>3 ns</Return>"
        "<Off>4 ns</Off><Data2>5 ns</Data2><Return2>6 ns</Return2></ReturnToHigh>"
        "<CompareStrobe><Strobe>7 ns</Strobe><Strobe2>8 ns</Strobe2></CompareStrobe>"
    )
    sheet = timing({"t1": ("AC.Period * 2", {"A": edges})}).replace(
        '<PinEdge pin="A">', '<PinEdge pin="A" edgeMultiplier="2x">'
    )
    timed.load_specifications_levels_and_timing(None, None, put("two.digitiming", sheet))
    timed.apply_levels_and_timing("low", "two")
    refused(INVALID_VALUE, lambda: timed.get_time_set_period("mine"))
    assert timed.get_time_set_period("t1") == seconds(2e-6)
    pin, kinds = timed.pins["site1/A"], nidigital.TimeSetEdgeType
    assert pin.get_time_set_drive_format("t1") is nidigital.DriveFormat.RH
    assert pin.get_time_set_edge_multiplier("t1") == 2
    found = {kind: pin.get_time_set_edge("t1", kind).total_seconds() * 1e9 for kind in kinds}
    assert found == pytest.approx(
        {
            kinds.DRIVE_ON: 100,
            kinds.DRIVE_DATA: 2,
            kinds.DRIVE_RETURN: 3,
            kinds.DRIVE_OFF: 4,
            kinds.DRIVE_DATA2: 5,
            kinds.DRIVE_RETURN2: 6,
            kinds.COMPARE_STROBE: 7,
            kinds.COMPARE_STROBE2: 8,
        }
    )
    assert timed.pins["site1/B"].get_time_set_edge("t1", kinds.DRIVE_DATA) == seconds(0)


def test_sheets_fail_as_soon_as_their_variables_are_unloaded(timed, tmp_path):
    timed.unload_specifications(str(tmp_path / "specs.specs"))
    told = refused(INVALID_VALUE, lambda: timed.apply_levels_and_timing("low", "slow"))
    assert "AC.Period" in told
    refused(INVALID_VALUE, lambda: timed.unload_specifications(str(tmp_path / "specs.specs")))


def test_a_sheet_whose_variables_are_not_loaded_is_refused(mapped, put):
    path = put("l.digilevels", levels({"A": {"Vil": "DC.Low"}}))
    load = mapped.load_specifications_levels_and_timing
    told = refused(SHEET_FAILED, lambda: load(None, path, None))
    assert told.startswith("An error occurred while getting values from a levels sheet.")
    assert "DC.Low" in told
    load(put("s.specs", specifications({"dc.low": "0.2"})), path, None)
    mapped.apply_levels_and_timing("l", "")
    assert mapped.pins["A"].vil == 0.2


def test_a_sheet_is_named_by_its_path_or_by_its_file(timed, tmp_path):
    path = str(tmp_path / "low.digilevels")
    timed.vih = 3.0
    timed.apply_levels_and_timing(path, "")
    assert timed.pins["A"].vih == 1.8
    assert "Loaded: low" in refused(
        INVALID_VALUE, lambda: timed.apply_levels_and_timing("high", "slow")
    )


def test_a_sheet_that_names_an_unknown_pin_changes_nothing(timed, put):
    path = put("bad.digilevels", levels({"A": {"Vih": "2"}, "Q": {"Vih": "2"}}))
    timed.load_specifications_levels_and_timing(None, path, None)
    assert "the pin Q" in refused(INVALID_VALUE, lambda: timed.apply_levels_and_timing("bad", ""))
    assert timed.pins["A"].vih == 1.8


def test_a_sheet_with_an_impossible_value_changes_nothing(timed, put):
    path = put("bad.digilevels", levels({"A": {"Vih": "2"}, "B": {"Vih": "60"}}))
    timed.load_specifications_levels_and_timing(None, path, None)
    assert "vih" in refused(INVALID_VALUE, lambda: timed.apply_levels_and_timing("bad", ""))
    assert timed.pins["A"].vih == 1.8


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.specs", "<Specs/>"),
        ("a.digilevels", "no xml"),
        ("a.digitiming", "<PinLevelsFile/>"),
    ],
)
def test_a_sheet_that_is_none_is_refused(mapped, put, name, content):
    kinds = ["specs", "digilevels", "digitiming"]
    paths = [put(name, content) if name.endswith(kind) else None for kind in kinds]
    refused(FILE_FAILED, lambda: mapped.load_specifications_levels_and_timing(*paths))


def test_a_time_set_begins_with_nis_defaults(mapped):
    mapped.create_time_set("t")
    pin = mapped.pins["site0/A", "site1/C"]
    assert mapped.get_time_set_period("t") == seconds(1e-6)
    assert pin.get_time_set_drive_format("t") is nidigital.DriveFormat.NR
    assert pin.get_time_set_edge_multiplier("t") == 1
    for kind in nidigital.TimeSetEdgeType:
        assert pin.get_time_set_edge("t", kind) == seconds(0)


def test_the_edges_of_a_time_set_belong_to_pins(mapped):
    mapped.create_time_set("t")
    kinds = nidigital.TimeSetEdgeType
    edges = [seconds(each * 1e-8) for each in range(1, 8)]
    mapped.pins["A"].configure_time_set_drive_edges("t", nidigital.DriveFormat.RL, *edges[:4])
    mapped.pins["B"].configure_time_set_edge_multiplier("t", 2)
    mapped.pins["B"].configure_time_set_drive_edges2x("t", nidigital.DriveFormat.SBC, *edges[:6])
    mapped.pins["B"].configure_time_set_compare_edges_strobe2x("t", edges[5], edges[6])
    mapped.pins["A"].configure_time_set_compare_edges_strobe("t", edges[6])
    mapped.pins["C"].configure_time_set_edge("t", kinds.DRIVE_RETURN, edges[2])
    mapped.pins["C"].configure_time_set_drive_format("t", nidigital.DriveFormat.RH)

    def of(pin: str, kind) -> hightime.timedelta:
        return mapped.pins[pin].get_time_set_edge("t", kind)

    drive = (kinds.DRIVE_ON, kinds.DRIVE_DATA, kinds.DRIVE_RETURN, kinds.DRIVE_OFF)
    assert [of("site1/A", kind) for kind in drive] == edges[:4]
    assert [of("B", kind) for kind in drive] == edges[:4]
    assert [of("B", kinds.DRIVE_DATA2), of("B", kinds.DRIVE_RETURN2)] == edges[4:6]
    assert [of("B", kinds.COMPARE_STROBE), of("B", kinds.COMPARE_STROBE2)] == edges[5:7]
    assert of("A", kinds.COMPARE_STROBE) == edges[6]
    assert of("C", kinds.DRIVE_RETURN) == edges[2]
    formats = [mapped.pins[pin].get_time_set_drive_format("t").name for pin in "ABC"]
    assert formats == ["RL", "SBC", "RH"]


def test_a_time_set_that_cannot_be_is_refused(mapped):
    mapped.create_time_set("t")
    pin = mapped.pins["A"]
    kind = nidigital.TimeSetEdgeType.DRIVE_ON
    for action in (
        lambda: mapped.create_time_set("t"),
        lambda: mapped.create_time_set(""),
        lambda: mapped.configure_time_set_period("t", 1e-9),
        lambda: mapped.configure_time_set_period("t", 1.0),
        lambda: mapped.configure_time_set_period("u", 1e-6),
        lambda: pin.configure_time_set_edge("t", kind, -1e-9),
        lambda: pin.configure_time_set_edge("t", kind, 2.0),
        lambda: pin.configure_time_set_edge_multiplier("t", 3),
    ):
        refused(INVALID_VALUE, action)
    for number in range(30):
        mapped.create_time_set(f"t{number}")
    assert "31 time sets" in refused(INVALID_VALUE, lambda: mapped.create_time_set("one more"))
    mapped.delete_all_time_sets()
    mapped.create_time_set("one more")


def test_levels_outside_the_range_of_the_model_are_refused(mapped):
    refused(INVALID_VALUE, lambda: mapped.pins["A"].configure_voltage_levels(0, 7.0, 1, 2, 0))
    refused(INVALID_VALUE, lambda: mapped.pins["A"].configure_active_load_levels(0.1, -0.001, 1))


def test_offsets_of_cables_are_measured_as_zero_and_can_be_set(mapped):
    channels = mapped.get_channel_names([63, 0])
    assert mapped.channels[channels].tdr() == [seconds(0)] * 2
    mapped.channels[channels].apply_tdr_offsets([1e-9, 2e-9])
    assert mapped.channels["DIG2/31"].tdr_offset == seconds(1e-9)
    with pytest.raises(ValueError, match="do not match"):
        mapped.channels[channels].apply_tdr_offsets([1e-9])


def test_all_edges_of_a_sheet_are_applied_to_pins_of_the_system_too(mapped, put):
    sheet = timing({"t": ("1 µs", {"S": NON_RETURN.format(off="1 µs", strobe="500 ns")})})
    mapped.load_specifications_levels_and_timing(None, None, put("t.digitiming", sheet))
    mapped.sites[0].apply_levels_and_timing("", "t")
    strobe = mapped.pins["S"].get_time_set_edge("t", nidigital.TimeSetEdgeType.COMPARE_STROBE)
    assert strobe == seconds(500e-9)
