"""Every property of the drivers' Session classes is read and written through the real class.

The installed packages list the properties. Each is tried on a model that has it. On a model that
lacks it, the driver must answer "not supported".
"""

from __future__ import annotations

import enum
import importlib
import math

import hightime
import nidcpower
import nidigital
import nidmm
import nifgen
import pytest
from device_sim.base.attributes import Attribute, Scope
from device_sim.errors import DriverError
from every_driver import DCPOWER, DMM, DRIVERS

DIGITAL = DRIVERS["nidigital"]
FGEN = DRIVERS["nifgen"]

READ_ONLY = -1074135027
NOT_SUPPORTED = -1074135022
NOT_FOR_CHANNELS = -1074134971

# Values to write if neither another member of the enum nor 1 is valid for the property.
WRITABLE = {
    "active_advanced_sequence": "",
    "all_marker_events_latched_status": None,  # Writing clears it.
    "arb_sample_rate": 1e6,
    "output_impedance": 75.0,
    "lcr_frequency": 1e3,
    "merged_channels": "",
    "measure_buffer_size": 1000,
    "ovp_limit": 20.0,
    "pulse_bias_delay": 0.01,
    "powerline_freq": 50.0,
    "resolution_digits": 4.5,
    "waveform_rate": 900000.0,
    "auto_zero": None,
    "lcr_current_amplitude": 1e-3,
    "resolution_absolute": 0.0015,  # 5.5 digits of the 4082's 300 V
}


def model_with(attribute: Attribute) -> str | None:
    """Return a model of NI-DCPower that has an attribute."""
    models = DCPOWER.models.models.values()
    return next((m.number for m in models if attribute.name not in m.lacks), None)


def model_without(attribute: Attribute) -> str | None:
    models = DCPOWER.models.models.values()
    return next((m.number for m in models if attribute.name in m.lacks), None)


def scoped(session, attribute: Attribute):
    return session.channels["0"] if attribute.scope is Scope.CHANNEL else session


def new_value(attribute: Attribute, present):
    if attribute.name in WRITABLE:
        return WRITABLE[attribute.name]
    if isinstance(present, bool):
        return not present
    if isinstance(present, enum.Enum):
        return next((member for member in type(present) if member is not present), present)
    if isinstance(present, hightime.timedelta):
        return hightime.timedelta(seconds=0.001)
    if isinstance(present, str):
        return "isolated" if attribute.name == "isolation_state" else "PXI_Trig0"
    if isinstance(present, float) and math.isinf(present):
        return 1.0
    if attribute.name.endswith("_range"):
        return 1e-3
    low, high = attribute.limits or DIGITAL.models.default.limits.get(attribute.name, (1, 1))
    return type(present)(1 if low <= 1 <= high else high)


def check_taken(attribute: Attribute, value, expected) -> None:
    if attribute.name.endswith("range") and isinstance(expected, float):
        assert value >= expected  # Ranges go up to the next that the model has.
    else:
        assert value == expected


def driver_error(module, code, action):
    with pytest.raises(module.errors.DriverError) as caught:
        action()
    assert caught.value.code == code


@pytest.mark.parametrize("attribute", list(DCPOWER.table), ids=lambda a: a.name)
def test_nidcpower(open_dcpower, attribute):
    model = model_with(attribute)
    assert model is not None, f"no simulated model has {attribute.name}"
    target = scoped(open_dcpower("SMU1", model=model), attribute)
    check_property(nidcpower, target, attribute)
    lacking = model_without(attribute)
    if lacking is not None:
        other = scoped(open_dcpower("SMU2", model=lacking), attribute)
        driver_error(nidcpower, NOT_SUPPORTED, lambda: getattr(other, attribute.name))


@pytest.mark.parametrize("attribute", list(DMM.table), ids=lambda a: a.name)
def test_nidmm(open_dmm, attribute):
    check_property(nidmm, open_dmm(model="4082"), attribute)


@pytest.mark.parametrize("attribute", list(FGEN.table), ids=lambda a: a.name)
def test_nifgen(open_fgen, attribute):
    session = open_fgen()
    if attribute.name in FGEN.models.default.lacks:
        driver_error(nifgen, NOT_SUPPORTED, lambda: getattr(session, attribute.name))
        return
    named = attribute.scope is Scope.NAMED
    target = getattr(session, attribute.capability)[0] if named else scoped(session, attribute)
    check_property(nifgen, target, attribute)


@pytest.mark.parametrize("attribute", list(DIGITAL.table), ids=lambda a: a.name)
def test_nidigital(open_digital, attribute):
    session = open_digital()
    named = attribute.scope is Scope.NAMED
    target = getattr(session, attribute.capability)[0] if named else scoped(session, attribute)
    check_property(nidigital, target, attribute)


SECTIONS = ("read_only", "defaults", "limits", "specials", "steps")


def check_property(module, target, attribute: Attribute) -> None:
    present = getattr(target, attribute.name)
    if attribute.choices is None:
        kinds = {"Boolean": bool, "Int32": int, "Int64": int, "Real64": float, "String": str}
        assert isinstance(present, (kinds[attribute.kind], hightime.timedelta))
    value = new_value(attribute, present)
    if value is None:
        return
    if attribute.read_only:
        driver_error(module, READ_ONLY, lambda: setattr(target, attribute.name, value))
        return
    setattr(target, attribute.name, value)
    check_taken(attribute, getattr(target, attribute.name), value)


@pytest.mark.parametrize(
    "attribute", [a for a in DCPOWER.table if a.scope is not Scope.CHANNEL], ids=lambda a: a.name
)
def test_an_attribute_without_channels_refuses_a_channel_name(open_dcpower, attribute):
    session = open_dcpower("SMU1", model=model_with(attribute))
    channel = session.channels["0"]
    driver_error(nidcpower, NOT_FOR_CHANNELS, lambda: getattr(channel, attribute.name))


@pytest.mark.parametrize("driver", [DCPOWER, DIGITAL, DMM, FGEN], ids=lambda d: d.name)
def test_the_table_has_every_attribute_of_the_package(driver):
    package = importlib.import_module(driver.name)
    base = vars(package.session._SessionBase)
    kind = package.session._attributes.Attribute
    assert {a.name for a in driver.table} == {n for n, v in base.items() if isinstance(v, kind)}


@pytest.mark.parametrize("driver", [DCPOWER, DIGITAL, DMM, FGEN], ids=lambda d: d.name)
def test_defaults_are_legal_values(driver):
    for attribute in driver.table:
        if not attribute.read_only and attribute.name != "resolution_absolute":
            attribute.check(attribute.default)


@pytest.mark.parametrize(
    ("driver", "read_only", "attributes"),
    [
        pytest.param(DCPOWER, 19, 229, id="nidcpower"),
        pytest.param(DIGITAL, 25, 87, id="nidigital"),
        pytest.param(DMM, 17, 69, id="nidmm"),
        pytest.param(FGEN, 37, 125, id="nifgen"),
    ],
)
def test_read_only_and_total_counts_are_those_of_nis_metadata(driver, read_only, attributes):
    names = [a.name for a in driver.table if a.read_only]
    assert (len(names), len(list(driver.table))) == (read_only, attributes)


def test_data_files_name_existing_attributes_only():
    for driver in DRIVERS.values():
        if driver.folder.has_own_base:
            continue  # Its own tests look at its data.
        data = driver.folder.read("attributes.toml")
        known = {attribute.name for attribute in driver.table}
        owned = {name for names in data.get("owners", {}).values() for name in names}
        for names in (owned, *(data.get(section, ()) for section in SECTIONS)):
            assert set(names) <= known
        calls = driver.folder.read("calls.toml")
        written = [set(fields.values()) for fields in calls.get("configures", {}).values()]
        written += [set(values) for values in calls.get("sets", {}).values()]
        assert set().union(*written) <= known


def test_an_unknown_attribute_is_not_recognised():
    for driver in (DCPOWER, DMM):
        with pytest.raises(DriverError):
            driver.table.get(4711)


def test_a_value_outside_its_limits_is_refused(open_dcpower, open_dmm):
    smu, dmm = open_dcpower("SMU1/0"), open_dmm()
    for module, action in (
        (nidcpower, lambda: setattr(smu, "measure_record_length", 0)),
        (nidcpower, lambda: setattr(smu, "voltage_level_range", 1000.0)),
        (nidcpower, lambda: setattr(smu, "source_delay", 168.0)),
        (nidmm, lambda: setattr(dmm, "settle_time", -5)),
        (nidmm, lambda: setattr(dmm, "range", 1e6)),
        (nidmm, lambda: setattr(dmm, "range", -7.0)),
        (nidmm, lambda: setattr(dmm, "resolution_digits", 9.5)),
        (nidmm, lambda: setattr(dmm, "function", nidmm.Function.CAPACITANCE)),
    ):
        driver_error(module, -1074135024, action)
