"""A digital pattern: the states of pins, vector by vector, and the cycles in which it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

import numpy as np
import numpy.typing as npt

MOST_CYCLES = 2**20
"""The most cycles of a burst on a bench. Their results stay in memory."""

States = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]


class PinState(IntEnum):
    """The state of a pin in a cycle, with the numbers of `nidigital.PinState`."""

    ZERO = 0
    ONE = 1
    L = 3
    H = 4
    X = 5
    M = 6
    V = 7
    D = 8
    E = 9
    NOT_A_PIN_STATE = 254
    NOT_ACQUIRED = 255


class Opcode(Enum):
    """The instruction of a vector."""

    NONE = "none"
    REPEAT = "repeat"
    """Run the vector `argument` times."""
    SCAN = "scan"
    """Run the rows that `Pattern.scans` has for the vector, one a cycle."""
    SET_LOOP = "set_loop"
    """Run the vector, and run the next loop `argument` times."""
    END_LOOP = "end_loop"
    """Run the vector, and go to the vector `argument` until the loop has run so many times."""
    HALT = "halt"
    """Run the vector, and end."""
    OTHER = "other"
    """An opcode that a bench does not run."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """The instruction of one vector."""

    opcode: Opcode = Opcode.NONE
    """What it does."""

    argument: int = 0
    """A number of passes, or a vector; see `Opcode`."""

    name: str = ""
    """Its name, such as `source_start`, as far as it is known."""


@dataclass(frozen=True, slots=True)
class Cycles:
    """The tester cycles of a burst, in their order."""

    vectors: Integers
    """The vector of each cycle."""

    scan_cycles: Integers
    """The number of the cycle within its scan vector; -1 for other vectors."""

    time_sets: Integers
    """The time set of each cycle, as an index of `Pattern.time_sets`."""

    states: States
    """The states of the pattern: (cycles, DUT cycles of a cycle, pins)."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, as a file describes it."""

    name: str
    """Its name."""

    pins: tuple[str, ...]
    """The names of its pins."""

    states: States
    """Pin states: (vectors, DUT cycles, pins), with 1 or 2 DUT cycles. Of a vector whose time set
    has the edge multiplier 1, only the first DUT cycle counts."""

    time_sets: tuple[str, ...]
    """The names of its time sets."""

    time_set_of: Integers
    """The time set of each vector, as an index of `time_sets`."""

    instructions: Mapping[int, Instruction] = field(default_factory=dict)
    """The instructions of the vectors that have one."""

    labels: Mapping[str, int] = field(default_factory=dict)
    """The vectors of the labels."""

    scans: Mapping[int, States] = field(default_factory=dict)
    """The states of all pins while a scan vector runs: (cycles, DUT cycles, pins)."""

    is_keep_alive: bool = False
    """True for a pattern that runs between bursts."""

    def cycles(self, first: int = 0) -> Cycles:
        """Return the cycles of a burst that begins at a vector.

        Raises:
            ValueError: It has more cycles than `MOST_CYCLES`, or does not end.
        """
        vectors, scan_cycles = self._rows(first)
        states = self.states[vectors]
        for vector, rows in self.scans.items():
            places = np.flatnonzero((vectors == vector) & (scan_cycles >= 0))
            states[places] = rows[scan_cycles[places]]
        return Cycles(vectors, scan_cycles, self.time_set_of[vectors], states)

    def _rows(self, first: int) -> tuple[Integers, Integers]:
        """Return the vector and the scan cycle of each cycle."""
        vectors: list[int] = []
        counts: list[int] = []
        total, vector, is_halted = 0, first, False
        loops: list[int] = []  # The passes that are left of each open loop.
        while vector < len(self.states) and not is_halted:
            instruction = self.instructions.get(vector, _NOTHING)
            count = self._cycles_of(vector, instruction)
            total += count
            if total > MOST_CYCLES:
                raise ValueError(
                    f"The pattern {self.name} has more than {MOST_CYCLES} cycles, which is too "
                    "many for a bench. Burst it in parts, with fewer repeats or loops."
                )
            vectors.append(vector)
            counts.append(count)
            is_halted = instruction.opcode is Opcode.HALT
            vector = self._following(vector, instruction, loops)
        ran = np.repeat(np.array(vectors, np.int64), counts)
        begins = np.repeat(np.cumsum([0, *counts])[:-1], counts)
        is_scan = np.isin(ran, [n for n in self.scans if self._is_scan(n)])
        return ran, np.where(is_scan, np.arange(len(ran)) - begins, -1)

    def _is_scan(self, vector: int) -> bool:
        return self.instructions.get(vector, _NOTHING).opcode is Opcode.SCAN

    def _cycles_of(self, vector: int, instruction: Instruction) -> int:
        if instruction.opcode is Opcode.REPEAT:
            return instruction.argument
        return len(self.scans[vector]) if instruction.opcode is Opcode.SCAN else 1

    def _following(self, vector: int, instruction: Instruction, loops: list[int]) -> int:
        """Return the vector after one, and follow the passes of the open loops."""
        if instruction.opcode is Opcode.SET_LOOP:
            loops.append(instruction.argument)
        if instruction.opcode is Opcode.END_LOOP and loops:
            loops[-1] -= 1
            if loops[-1] > 0:
                return instruction.argument
            loops.pop()
        return vector + 1


_NOTHING = Instruction()
