"""Serve levels, static states, the PPMU, clocks, the frequency counter and TDR."""

from __future__ import annotations

import math
from typing import Any

from nidigital.enums import PPMUMeasurementType

from device_sim.base.channels import tokens
from device_sim.base.wire import Fields, channel_name, enum_value
from device_sim.call import Call
from device_sim.drivers.nidigital.files import kinds
from device_sim.drivers.nidigital.pattern import PinState
from device_sim.drivers.nidigital.requests import read
from device_sim.drivers.nidigital.session import DigitalSession
from device_sim.errors import INVALID_VALUE, DriverError, sizes_differ

_QUANTITIES = {
    PPMUMeasurementType.VOLTAGE.value: "voltage",
    PPMUMeasurementType.CURRENT.value: "current",
}
_STATIC = (PinState.ZERO, PinState.ONE, PinState.X)


class LevelCalls:
    """Serve the calls about levels, and those that use them without a pattern."""

    # Sheets.

    def load_specifications(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Load the variables of levels and timing sheets."""
        content = read(session, request.file_path, kinds.SPECIFICATIONS)
        session.sheets.load_specifications(request.file_path, content)

    def unload_specifications(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Forget the variables of a file."""
        session.sheets.unload_specifications(request.file_path)

    def load_levels(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Load a levels sheet."""
        content = read(session, request.file_path, kinds.LEVELS)
        session.sheets.load_levels(request.file_path, content)

    def load_timing(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Load a timing sheet."""
        content = read(session, request.file_path, kinds.TIMING)
        session.sheets.load_timing(request.file_path, content)

    def apply_levels_and_timing(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Apply sheets to sites, and set the states of pins."""
        sites = session.require_pin_map().select_sites(request.site_list)
        states = {
            PinState.ONE: request.initial_state_high_pins,
            PinState.ZERO: request.initial_state_low_pins,
            PinState.X: request.initial_state_tristate_pins,
        }
        places = {state: session.places(pins) for state, pins in states.items() if tokens(pins)}
        if request.levels_sheet:
            session.apply_levels(request.levels_sheet, sites)
        if request.timing_sheet:
            session.apply_timing(request.timing_sheet, sites)
        for state, found in places.items():
            session.write_static([p.channel for p in found if p.site in (*sites, -1)], state)

    # Static states.

    def read_static(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return the states of channels."""
        places = session.enabled_places(channel_name(request))
        states = [int(session.read_static(place.channel)) for place in places]
        return {"data": states, "data_raw": bytes(states), "actual_num_read": len(states)}

    def write_static(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Let channels drive a state."""
        state = enum_value(request, "state")
        if state not in _STATIC:
            raise DriverError(INVALID_VALUE, f"State: {state}")
        places = session.enabled_places(channel_name(request))
        session.write_static([place.channel for place in places], PinState(state))

    # The PPMU.

    def ppmu_source(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Let the PPMUs of channels source."""
        places = session.enabled_places(channel_name(request))
        session.source_ppmu([place.channel for place in places])

    def ppmu_measure(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return the voltages or currents at channels."""
        quantity = _QUANTITIES.get(enum_value(request, "measurement_type"))
        if quantity is None:
            raise DriverError(INVALID_VALUE, "There is no such measurement type.")
        places = session.enabled_places(channel_name(request))
        values = session.measure_ppmu([place.channel for place in places], quantity, call)
        return {"measurements": values, "actual_num_read": len(values)}

    # Clocks and the frequency counter.

    def clock_generator_generate_clock(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Let channels generate a clock."""
        session.set("clock_generator_frequency", request.frequency, request.channel_list)
        session.start_clocks(
            session.select(request.channel_list),
            select_digital=request.select_digital_function,
        )

    def clock_generator_initiate(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Let channels generate the configured clock."""
        session.start_clocks(session.select(request.channel_list), select_digital=False)

    def clock_generator_abort(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Stop the clocks of channels."""
        session.stop_clocks(session.select(request.channel_list))

    def frequency_counter_measure_frequency(
        self, session: DigitalSession, request: Any, call: Call
    ) -> Fields:
        """Return the frequencies at channels."""
        places = session.enabled_places(channel_name(request))
        values = session.measure_frequencies([place.channel for place in places], call)
        return {"frequencies": values, "actual_num_frequencies": len(values)}

    # Delays of the cables.

    def tdr(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return the delays of the cables of channels: here cables have none."""
        indices = session.select(channel_name(request))
        if request.apply_offsets:
            session.write("tdr_offset", 0.0, indices)
        return {"offsets": [0.0] * len(indices), "actual_num_offsets": len(indices)}

    def apply_tdr_offsets(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Set the delays of the cables of channels."""
        indices = session.select(channel_name(request))
        if len(indices) != len(request.offsets):
            raise sizes_differ("channel_list", "offsets")
        if not all(map(math.isfinite, request.offsets)):
            raise DriverError(INVALID_VALUE, "An offset is not a number.")
        for index, offset in zip(indices, request.offsets, strict=True):
            session.write("tdr_offset", offset, [index])
