"""Compile the configuration of a generator into the plan of a generation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from nifgen.enums import (
    IdleBehavior,
    OutputMode,
    StartTriggerType,
    TriggerMode,
    WaitBehavior,
)
from nifgen.enums import Waveform as Standard

from device_sim.base.attributes import Value
from device_sim.drivers.nifgen.generation import (
    SCRIPT_TRIGGERS,
    Loop,
    Node,
    Pause,
    Plan,
    Play,
    Wait,
)
from device_sim.drivers.nifgen.memory import NO_MARKER, Key, Memory, Step
from device_sim.drivers.nifgen.scripting import Generate, Instruction, Repeat
from device_sim.drivers.nifgen.signals import (
    Chain,
    Clocked,
    Function,
    Level,
    Noise,
    Pattern,
    Samples,
    Shape,
    Signal,
)
from device_sim.errors import FUNCTION_NOT_SUPPORTED, INVALID_VALUE, DriverError

_FULL_SCALE = 32768.0  # Of the values that idle_value and wait_value have.
_REPEATED = 8  # Samples of the next stage that repeat until its trigger comes.
_LONGEST = 2**53  # Samples of a pattern; more are not exact numbers.

S = TypeVar("S", bound=Signal)

Stage = tuple[tuple[Clocked, ...], float]
"""The signal of each channel, and the number of its passes."""

Get = Callable[[str, int], Value]
"""Return an attribute of the channel with an index."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles the configuration of a session."""

    get: Get
    """The attributes."""

    memory: Memory
    """Waveforms, sequences, lists and scripts."""

    channels: int
    """The number of channels."""

    def plan(self) -> Plan:
        """Return the plan.

        Raises:
            DriverError: The configuration names something that does not exist, or asks for
                something that is not simulated.
        """
        programs: dict[Value, Callable[[], Sequence[Node]]] = {
            OutputMode.FUNC.value: self._function,
            OutputMode.ARB.value: self._waveform,
            OutputMode.SEQ.value: self._sequence,
            OutputMode.FREQ_LIST.value: self._list,
            OutputMode.SCRIPT.value: self._script,
        }
        start = self.get("start_trigger_type", 0)
        if start == StartTriggerType.P2P_ENDPOINT_FULLNESS.value:
            raise _refuse("the start trigger P2P_ENDPOINT_FULLNESS")
        jumps = self.get("idle_behavior", 0) == IdleBehavior.JUMP_TO.value
        idle = self._levels("idle_value")
        return Plan(
            programs[self.get("output_mode", 0)](),
            waits_for_start=start != StartTriggerType.TRIG_NONE.value,
            before=idle if jumps else (0.0,) * self.channels,
            after=idle if jumps else None,
        )

    # Standard functions.

    def _function(self) -> Sequence[Node]:
        return [Play(self._each(self._standard), math.inf)]

    def _list(self) -> Sequence[Node]:
        found = self.memory.lists.get(int(self.get("freq_list_handle", 0)))
        frequencies, durations = found.frequencies, found.durations
        mode = self._trigger_mode
        if mode == TriggerMode.CONTINUOUS.value:
            return [Play(self._each(self._standard, frequencies, durations), math.inf)]
        if mode == TriggerMode.SINGLE.value:  # The last frequency goes on.
            durations = (*durations[:-1], math.inf)
            return [Play(self._each(self._standard, frequencies, durations), math.inf)]
        if mode == TriggerMode.BURST.value and min(frequencies) > 0.0:
            each = [self._each(self._standard, (frequency,)) for frequency in frequencies]
            return [Loop([Play(signals, until=Wait.START) for signals in each])]
        raise _refuse("this trigger mode with a frequency list")

    def _standard(
        self,
        channel: int,
        frequencies: Sequence[float] = (),
        durations: Sequence[float] = (math.inf,),
    ) -> Signal:
        number = self._number
        waveform = int(number("func_waveform", channel))
        offset = number("func_dc_offset", channel)
        if waveform == Standard.DC.value:
            return Level(offset)
        points = self.memory.user.get(channel)
        if waveform == Standard.USER.value and points is None:
            raise DriverError(
                INVALID_VALUE, "Call define_user_standard_waveform before a USER waveform."
            )
        duty = number("func_duty_cycle_high", channel)
        shape = Shape(waveform, number("func_amplitude", channel), offset, duty, points)
        if waveform == Standard.NOISE.value:
            return Noise(shape, channel)
        chosen = frequencies or (number("func_frequency", channel),)
        return Function(shape, chosen, durations, number("func_start_phase", channel))

    # Waveforms and sequences.

    def _waveform(self) -> Sequence[Node]:
        times = self._number("arb_repeat_count", 0)
        return self._staged([(self._each(self._whole), times)])

    def _whole(self, channel: int) -> Clocked:
        handle = int(self.get("arb_waveform_handle", channel))
        position = int(self.get("arb_marker_position", channel))
        marks = ((0, position),) if position >= 0 else ()
        return self._clocked(channel, self._samples(handle, channel, marks=marks))

    def _sequence(self) -> Sequence[Node]:
        each = [self._steps(channel) for channel in range(self.channels)]
        if len({tuple(map(self._duration, steps)) for steps in each}) > 1:
            raise DriverError(
                INVALID_VALUE, "The sequences of the channels differ in lengths or loop counts."
            )
        stages = [
            (self._each(self._stage, each, number), float(step.loops))
            for number, step in enumerate(each[0])
        ]
        return self._staged(stages)

    def _steps(self, channel: int) -> Sequence[Step]:
        return self.memory.sequences.get(int(self.get("arb_sequence_handle", channel)))

    def _duration(self, step: Step) -> tuple[int, int]:
        return step.loops, step.length or self.memory.waveform(step.waveform).size

    def _stage(self, channel: int, each: list[Sequence[Step]], number: int) -> Clocked:
        step = each[channel][number]
        marks = ((0, step.marker),) if step.marker != NO_MARKER else ()
        subset = (0, step.length) if step.length is not None else None
        return self._clocked(channel, self._samples(step.waveform, channel, subset, marks))

    def _staged(self, stages: list[Stage]) -> Sequence[Node]:
        """Return the program for stages, each with its number of passes, by the trigger mode."""
        mode = self._trigger_mode
        if mode == TriggerMode.BURST.value:
            return [Loop([Play(signals, until=Wait.START) for signals, _ in stages])]
        if mode == TriggerMode.STEPPED.value:
            following = [*stages[1:], stages[0]]
            body: list[Node] = []
            for (signals, passes), (after, _) in zip(stages, following, strict=True):
                repeated = tuple(map(_beginning, after))
                body += [Play(signals, passes), Play(repeated, until=Wait.START)]
            return [Loop(body)]
        forever = mode == TriggerMode.CONTINUOUS.value
        if len(stages) == 1:
            return [Play(stages[0][0], math.inf if forever else stages[0][1])]
        chained = self._each(_chained, stages)
        return [Play(chained, math.inf if forever else 1.0)]

    # Scripts.

    def _script(self) -> Sequence[Node]:
        name = str(self.get("script_to_generate", 0))
        return self._block(self.memory.script(name)) if name else []

    def _block(self, instructions: Sequence[Instruction]) -> Sequence[Node]:
        nodes: list[Node] = []
        run: list[Instruction] = []
        for instruction in instructions:
            if _is_pattern(instruction):
                run.append(instruction)
                continue
            nodes += self._played(run)
            run = []
            nodes += self._compiled(instruction)
        return nodes + self._played(run)

    def _compiled(self, instruction: Instruction) -> Sequence[Node]:
        """Return the program of an instruction that waits or has no end."""
        if isinstance(instruction, Generate):
            return self._played([instruction])
        if not isinstance(instruction, Repeat):
            jumps = self.get("wait_behavior", 0) == WaitBehavior.JUMP_TO.value
            levels = self._levels("wait_value") if jumps else None
            return [Pause(SCRIPT_TRIGGERS[instruction.trigger], levels)]
        until = None if instruction.until is None else SCRIPT_TRIGGERS[instruction.until]
        if all(map(_is_pattern, instruction.body)):
            (played,) = self._played(instruction.body)
            return [Play(played.signals, instruction.count, until)]
        return [Loop(self._block(instruction.body), instruction.count, until)]

    def _played(self, instructions: Sequence[Instruction]) -> list[Play]:
        if not instructions:
            return []
        return [Play(self._each(self._linked, instructions))]

    def _linked(self, channel: int, instructions: Sequence[Instruction]) -> Clocked:
        return self._clocked(channel, self._chain(instructions, channel))

    def _chain(self, instructions: Sequence[Instruction], channel: int) -> Pattern:
        steps: list[tuple[Pattern, int]] = []
        for each in instructions:
            if isinstance(each, Generate):
                samples = self._samples(each.waveform, channel, each.subset, each.marks)
                steps.append((samples, 1))
            elif isinstance(each, Repeat):
                steps.append((self._chain(each.body, channel), int(each.count)))
        return _chain(steps)

    # Parts of them.

    def _each(self, make: Callable[..., S], *arguments: object) -> tuple[S, ...]:
        """Return what `make` returns for each channel."""
        return tuple(make(channel, *arguments) for channel in range(self.channels))

    def _samples(
        self,
        key: Key,
        channel: int,
        subset: tuple[int, int] | None = None,
        marks: tuple[tuple[int, int], ...] = (),
    ) -> Samples:
        waveform = self.memory.waveform(key)
        data = waveform.data.get(channel)
        if data is None and not self.get("output_enabled", channel):
            data = np.zeros(waveform.size)
        if data is None:
            raise DriverError(
                INVALID_VALUE,
                f"The waveform {key!r} has no samples for the channel {channel} of the session. "
                "Write it for this channel, or set output_enabled to False on the channel.",
            )
        offset, length = subset or (0, waveform.size)
        if length < 1 or offset + length > waveform.size:
            raise DriverError(INVALID_VALUE, f"Subset of {key!r}: {offset}, {length}")
        if any(position >= length for _, position in marks):
            raise DriverError(INVALID_VALUE, f"Marker behind the end of {key!r}.")
        return Samples(data[offset : offset + length], marks)

    def _clocked(self, channel: int, pattern: Pattern) -> Clocked:
        number = self._number
        return Clocked(
            pattern,
            number("arb_sample_rate", channel),
            number("arb_gain", channel),
            number("arb_offset", channel),
            number("digital_gain", channel),
        )

    def _levels(self, name: str) -> tuple[float, ...]:
        """Return the voltages of an idle or wait value."""
        value = Samples(np.array([self._number(name, 0) / _FULL_SCALE]))
        return tuple(self._clocked(c, value).before(0.0) for c in range(self.channels))

    def _number(self, name: str, channel: int) -> float:
        return float(self.get(name, channel))

    @property
    def _trigger_mode(self) -> Value:
        modes = {self.get("trigger_mode", channel) for channel in range(self.channels)}
        if len(modes) > 1:
            raise _refuse("different trigger modes on the channels of a session")
        return modes.pop()


def _is_pattern(instruction: Instruction) -> bool:
    """Return whether an instruction puts out a fixed number of samples."""
    if isinstance(instruction, Repeat):
        fixed = instruction.until is None and math.isfinite(instruction.count)
        return fixed and all(map(_is_pattern, instruction.body))
    return isinstance(instruction, Generate)


def _chain(steps: list[tuple[Pattern, int]]) -> Pattern:
    if len(steps) == 1 and steps[0][1] == 1:
        return steps[0][0]
    if sum(pattern.length * loops for pattern, loops in steps) > _LONGEST:
        raise DriverError(INVALID_VALUE, "The script or sequence has too many samples.")
    return Chain(steps)


def _chained(channel: int, stages: list[Stage]) -> Clocked:
    """Return the stages of a sequence as one signal."""
    chain = _chain([(signals[channel].pattern, int(loops)) for signals, loops in stages])
    return replace(stages[0][0][channel], pattern=chain)


def _beginning(signal: Clocked) -> Clocked:
    """Return the first samples of a signal."""
    length = min(_REPEATED, signal.pattern.length)
    return replace(signal, pattern=Samples(signal.pattern.samples(np.arange(length))))


def _refuse(what: str) -> DriverError:
    return DriverError(FUNCTION_NOT_SUPPORTED, f"Not simulated: {what}")
