"""Execute the calls of steps: code modules, pin map updates, measurements."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plugin_kit import LimitsError, StepContext, check_limits
from plugin_kit.calling import EnumValue, MeasurementPlugin, PlatformClient, PluginCallError

from platform_sim.pin_map.queries import quoted, unknown_sites_message
from platform_sim.sequence.errors import StepError, UnsupportedError
from platform_sim.sequence.expressions import assign, evaluate
from platform_sim.sequence.interpreter import Interpreters
from platform_sim.sequence.model import (
    Call,
    MeasurementCall,
    MeasurementParameter,
    NoCall,
    Operation,
    PinMapUpdate,
    PythonCall,
    Scope,
    Step,
    Wait,
)
from platform_sim.sequence.paths import evaluate_path, resolve
from platform_sim.sequence.results import SiteOutputs
from platform_sim.sequence.variables import PIN_MAP_ID, THIS_CONTEXT, ExecutionVariables
from platform_sim.sequence.waits import sleep

_ID_BITS = 53
"""TestStand's numbers are doubles, which have so many bits of integers."""

_INTEGER_TYPES = frozenset({"TypeInt32", "TypeInt64", "TypeUint32", "TypeUint64", "TypeEnum"})


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a sequence."""

    sequence_file: Path
    """The sequence file. Paths are relative to its folder."""

    sequence: str
    """Name of the running sequence."""

    uut: str = ""
    """Serial number of the unit under test."""

    id: int = field(default_factory=lambda: secrets.randbits(_ID_BITS))
    """Number that no other run has. In TestStand it is the Id of the Execution."""


class StepCalls:
    """Execute the calls of one run.

    Args:
        execution: The run.
        variables: Variables of the run.
        interpreters: Interpreters of the code modules.
        discovery_address: HOST:PORT of the platform's discovery service.
        pin_map: Pin map to use instead of the one that the steps name.
        sites: Sites to measure on, none for all sites of the active pin map.
    """

    def __init__(
        self,
        execution: Execution,
        variables: ExecutionVariables,
        interpreters: Interpreters,
        discovery_address: str,
        pin_map: Path | None = None,
        sites: tuple[int, ...] = (),
    ) -> None:
        self._execution = execution
        self._folder = execution.sequence_file.parent
        self._variables = variables
        self._interpreters = interpreters
        self._discovery_address = discovery_address
        self._pin_map = pin_map
        self._sites = sites

    def perform(self, step: Step) -> tuple[SiteOutputs, ...]:
        """Execute the call of a step.

        Returns:
            The outputs of a measurement step; nothing for other steps.

        Raises:
            SequenceError: The call failed.
        """
        try:
            return self._perform(step)
        except PluginCallError as error:
            raise StepError(str(error)) from error

    def _perform(self, step: Step) -> tuple[SiteOutputs, ...]:
        call: Call = step.call
        if isinstance(call, PythonCall):
            self._call_python(step.name, call)
            return ()
        if isinstance(call, PinMapUpdate):
            self._update_pin_map(call)
            return ()
        if isinstance(call, MeasurementCall):
            return self._measure(step.name, call)
        if isinstance(call, Wait):
            sleep(seconds_value(evaluate(call.seconds, self._variables)))
            return ()
        if isinstance(call, NoCall):
            return ()
        raise UnsupportedError(f"{call.what} is not supported.")

    def _call_python(self, step_name: str, call: PythonCall) -> None:
        interpreter = self._interpreters.get(call.environment)
        instance = None
        if call.scope is Scope.INSTANCE and call.operation is not Operation.CREATE_CLASS:
            instance = _to_child(evaluate(call.instance, self._variables))
        value, context = interpreter.call(
            call,
            resolve(self._folder, call.module),
            [_to_child(evaluate(item.value, self._variables)) for item in call.arguments],
            instance,
            {
                "variables": _to_child(self._variables.for_code_modules()),
                "run_time_variables": self._variables.run_time,
                "sequence_file": str(self._execution.sequence_file),
                "sequence": self._execution.sequence,
                "step": step_name,
                "execution": self._execution.id,
            },
        )
        self._variables.update_from_code_modules(context["variables"])
        self._variables.run_time = context["run_time_variables"]
        creates = call.operation is Operation.CREATE_CLASS
        target = call.result or (call.instance if creates else "")
        if target:
            assign(target, value, self._variables)

    def _update_pin_map(self, call: PinMapUpdate) -> None:
        path = self._pin_map or resolve(self._folder, evaluate_path(call.path, self._variables))
        with PlatformClient(self._discovery_address) as platform:
            self._variables.run_time[PIN_MAP_ID] = platform.load_pin_map(path)

    def _measure(self, step_name: str, call: MeasurementCall) -> tuple[SiteOutputs, ...]:
        values = {
            parameter.name: input_value(parameter, evaluate(parameter.value, self._variables))
            for parameter in call.inputs
            if parameter.value
        }
        step = StepContext(
            sequence_file=str(self._execution.sequence_file),
            step=step_name,
            execution=str(self._execution.id),
            uut=self._execution.uut,
            limits=call.limits,
        )
        with MeasurementPlugin.resolve(
            call.service_class,
            discovery_address=self._discovery_address,
            version=call.version,
        ) as plugin:
            measured = tuple(
                self._measure_once(plugin, values, sites, one, step)
                for one, sites in _sites_of_calls(call, self._active_sites())
            )
        self._assign_outputs(call, measured)
        return measured

    def _active_sites(self) -> list[int]:
        """Return the sites to measure on, whether a step or a code module loaded the pin map."""
        pin_map_id = self._variables.pin_map_id
        if not pin_map_id:
            return list(self._sites)
        with PlatformClient(self._discovery_address) as platform:
            there = platform.site_numbers(pin_map_id)
        missing = [site for site in self._sites if site not in there]
        if missing:
            raise StepError(f"{unknown_sites_message(missing)}. It has {quoted(there)}.")
        return list(self._sites) or there

    def _measure_once(
        self,
        plugin: MeasurementPlugin,
        values: Mapping[str, object],
        sites: list[int],
        described_site: int | None,
        step: StepContext,
    ) -> SiteOutputs:
        """Measure once, and compare the outputs with the limits of the step."""
        only_site = sites[0] if len(sites) == 1 else None
        try:
            outputs = plugin.measure(
                values, pin_map_id=self._variables.pin_map_id, sites=sites, step=step
            )
            checks = check_limits(step.limits, outputs, only_site)
        except (PluginCallError, LimitsError) as error:
            where = "" if only_site is None else f"site {only_site}: "
            raise StepError(f"{where}{error}") from error
        return SiteOutputs(outputs, described_site, checks)

    def _assign_outputs(self, call: MeasurementCall, measured: tuple[SiteOutputs, ...]) -> None:
        """Store outputs in variables. Several calls give an array with an element for each site."""
        for parameter in call.outputs:
            if not parameter.value:
                continue
            values = [_number(one.outputs.get(parameter.name)) for one in measured]
            value: object = values[0] if measured[0].site is None else values
            assign(parameter.value, value, self._variables)


def _number(value: object) -> object:
    """Return an output as a value for TestStand's variables, in which enums are numbers."""
    if isinstance(value, list):
        return [_number(item) for item in value]
    return value.number if isinstance(value, EnumValue) else value


def _sites_of_calls(call: MeasurementCall, sites: list[int]) -> list[tuple[int | None, list[int]]]:
    """Return the site that each call of a measurement step describes, and the sites to send.

    Scalar outputs describe one site, so such a measurement runs once for each site. If an output is
    an array, the measurement runs once for all sites and returns an element for each. The described
    site is then None.
    """
    has_scalars_only = bool(call.outputs) and not any(item.repeated for item in call.outputs)
    if has_scalars_only and len(sites) > 1:
        return [(site, [site]) for site in sites]
    return [(None, sites)]


def seconds_value(value: object) -> float:
    """Return the value of a time to wait, in seconds.

    Raises:
        StepError: The value is not a number of seconds.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value < math.inf:  # type: ignore[operator]
        raise StepError(f"the time to wait is {value!r}, not a number of seconds.")
    return float(value)  # type: ignore[arg-type]


def input_value(parameter: MeasurementParameter, value: object) -> object:
    """Return a value as the plug-in's parameter needs it. TestStand's numbers are doubles.

    Raises:
        StepError: The parameter needs a whole number.
    """
    if isinstance(value, list):
        return [input_value(parameter, item) for item in value]
    if parameter.type in _INTEGER_TYPES and isinstance(value, float):
        if not math.isfinite(value) or value != int(value):
            raise StepError(f"parameter {parameter.name} needs a whole number, not {value}.")
        return int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_number and parameter.type == "TypeDouble" else value  # type: ignore[arg-type]


def _to_child(value: Any) -> Any:
    """Return a value as JSON for the interpreter process."""
    if value is THIS_CONTEXT:
        return {"$context": True}
    if isinstance(value, list):
        return [_to_child(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_child(item) for key, item in value.items()}
    return value
