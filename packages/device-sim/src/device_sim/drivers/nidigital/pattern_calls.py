"""Serve patterns, bursts, their results, and what sequences them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from device_sim.base.wire import Fields, channel_name
from device_sim.call import Call
from device_sim.drivers.nidigital.files import kinds
from device_sim.drivers.nidigital.files.digipat import read_pattern
from device_sim.drivers.nidigital.requests import read
from device_sim.drivers.nidigital.results import HistoryCycle
from device_sim.drivers.nidigital.session import DigitalSession
from device_sim.errors import INVALID_VALUE, UNKNOWN_CHANNEL, DriverError

_LARGEST_REGISTER = 65535


class PatternCalls:
    """Serve the calls about patterns and bursts."""

    # Patterns.

    def load_pattern(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Load a compiled pattern."""
        file = read_pattern(read(session, request.file_path, kinds.PATTERN))
        session.load_pattern(file)

    def unload_all_patterns(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Forget patterns and waveforms."""
        session.memory.clear(with_keep_alive=request.unload_keep_alive_pattern)

    def get_pattern_name(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return the name of a pattern, counted from 0."""
        return {"name": session.memory.name_of(request.pattern_index)}

    def get_pattern_pin_list(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return the pins of a pattern."""
        file, _ = session.memory.find(request.start_label)
        return {"pin_list": ", ".join(file.pattern.pins)}

    def get_pattern_pin_indexes(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return the numbers of the pins of a pattern."""
        file, _ = session.memory.find(request.start_label)
        indexes = [session.pins.pins.index(pin) for pin in file.pattern.pins]
        return {"pin_indexes": indexes, "actual_num_pins": len(indexes)}

    # Bursts.

    def burst_pattern(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Burst a pattern on sites, and perhaps wait for its end."""
        sites = session.require_pin_map().select_sites(request.site_list)
        session.begin_burst(
            request.start_label, sites, select_digital=request.select_digital_function
        )
        if request.wait_until_done:
            session.wait_until_done(request.timeout, call)

    def configure_pattern_burst_sites(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Choose the sites of the next initiate."""
        session.burst_sites = session.require_pin_map().select_sites(request.site_list)

    def is_done(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return whether no burst runs."""
        return {"done": session.is_done}

    def wait_until_done(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Wait for the end of the burst."""
        session.wait_until_done(request.timeout, call)

    # Results.

    def get_site_pass_fail(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return whether each of some sites passed."""
        sites = session.results_of(session.pins.select_sites(request.site_list))
        passed = [session.has_passed(site) for site in sites]
        return {"pass_fail": passed, "actual_num_sites": len(passed)}

    def get_fail_count(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return the failed comparisons of channels."""
        places = session.enabled_places(channel_name(request))
        counts = [session.fail_count(place) for place in places]
        return {"failure_count": counts, "actual_num_read": len(counts)}

    # History RAM.

    def get_history_ram_sample_count(
        self, session: DigitalSession, request: Any, call: Call
    ) -> Fields:
        """Return the number of cycles in the history RAM of a site."""
        return {"sample_count": len(_history(session, request))}

    def fetch_history_ram_cycle_information(
        self, session: DigitalSession, request: Any, call: Call
    ) -> Fields:
        """Return pattern, time set, vector and cycle of a sample."""
        cycle = _sample(session, request)
        return {
            "pattern_index": list(session.memory.patterns).index(cycle.pattern),
            "time_set_index": list(session.time_sets.by_name).index(cycle.time_set),
            "vector_number": cycle.vector,
            "cycle_number": cycle.cycle,
            "num_dut_cycles": len(cycle.expected),
        }

    def fetch_history_ram_scan_cycle_number(
        self, session: DigitalSession, request: Any, call: Call
    ) -> Fields:
        """Return the number of the scan cycle of a sample."""
        return {"scan_cycle_number": _sample(session, request).scan_cycle}

    def fetch_history_ram_cycle_pin_data(
        self, session: DigitalSession, request: Any, call: Call
    ) -> Fields:
        """Return what was expected and found at pins in a DUT cycle of a sample."""
        cycle, number = _sample(session, request), request.dut_cycle_index
        if not 0 <= number < len(cycle.expected):
            raise DriverError(INVALID_VALUE, f"DUT cycle: {number}")
        columns = session.columns_of(request.pin_list)
        expected = bytes(cycle.expected[number][columns])
        actual = bytes(cycle.actual[number][columns])
        return {
            "expected_pin_states": list(expected),
            "expected_pin_states_raw": expected,
            "actual_pin_states": list(actual),
            "actual_pin_states_raw": actual,
            "per_pin_pass_fail": cycle.passed[number][columns].tolist(),
            "actual_num_pin_data": len(columns),
        }

    # The sequencer.

    def write_sequencer_flag(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Set a flag."""
        session.flags[_known(session.flags, request.flag)] = request.value

    def read_sequencer_flag(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return a flag."""
        return {"value": session.flags[_known(session.flags, request.flag)]}

    def write_sequencer_register(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Set a register."""
        if not 0 <= request.value <= _LARGEST_REGISTER:
            raise DriverError(INVALID_VALUE, f"Value: {request.value}")
        session.registers[_known(session.registers, request.reg)] = request.value

    def read_sequencer_register(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return a register."""
        return {"value": session.registers[_known(session.registers, request.reg)]}


def _history(session: DigitalSession, request: Any) -> Sequence[HistoryCycle]:
    sites = session.require_pin_map().select_sites(request.site)
    if len(sites) != 1:
        raise DriverError(INVALID_VALUE, f"{len(sites)} sites are named. Name one site.")
    return session.history(sites[0])


def _sample(session: DigitalSession, request: Any) -> HistoryCycle:
    history, index = _history(session, request), int(request.sample_index)
    if not 0 <= index < len(history):
        raise DriverError(INVALID_VALUE, f"Sample: {index}\nSamples available: {len(history)}")
    return history[index]


def _known(names: dict[str, Any], name: str) -> str:
    if name not in names:
        raise DriverError(UNKNOWN_CHANNEL, f"Name: {name}\nNames: {', '.join(names)}")
    return name
