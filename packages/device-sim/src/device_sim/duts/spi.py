"""A device with registers that an SPI bus reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from device_sim.duts.digital import DigitalDevice
from device_sim.errors import BenchError


class SpiRegisters(DigitalDevice):
    """Registers behind an SPI bus of mode 0, most significant bit first.

    While `cs` is low, the device takes a bit of `mosi` at each rising edge of `sclk`, and puts the
    next bit onto `miso` at each falling edge. The first bit of a frame says whether to read, and
    the address follows. Then come words: each is a register, from the address upwards. During the
    command, `miso` has the status word. In a write frame it has zeros after that. A register that
    does not exist reads as 0, and keeps nothing.

    Args:
        registers: The values of the registers, by their addresses (also as text, such as `0x0F`).
        address_bits: Bits of an address.
        data_bits: Bits of a register.
        status: The status word, which has the bits of the command.
        reads_at_one: True if a first bit of 1 means to read.
        read_only: The addresses of the registers that a write does not change.
        delay: Seconds from the edge of `sclk` to that of `miso`.

    Raises:
        BenchError: An option is invalid.
    """

    inputs: ClassVar = ("cs", "sclk", "mosi")
    outputs: ClassVar = ("miso",)

    def __init__(
        self,
        registers: Mapping[str | int, int],
        *,
        address_bits: int = 7,
        data_bits: int = 8,
        status: int = 0,
        reads_at_one: bool = True,
        read_only: tuple[int, ...] | list[int] = (),
        delay: float = 10e-9,
    ) -> None:
        self.registers = {_address(key): int(value) for key, value in registers.items()}
        """The registers by address. A test may change them at any time."""
        self.status = status
        """The status word."""
        self.delay = delay
        self._address_bits, self._data_bits = address_bits, data_bits
        self._reads_at_one = reads_at_one
        self._read_only = frozenset(read_only)
        for address, value in self.registers.items():
            self._check(address, value)
        self._begin_frame()

    def _check(self, address: int, value: int) -> None:
        if not 0 <= address < 2**self._address_bits or not 0 <= value < 2**self._data_bits:
            raise BenchError(
                f"The register {address:#x} = {value:#x} does not fit into {self._address_bits} "
                f"address bits and {self._data_bits} data bits."
            )

    def set_value(self, name: str, value: float) -> None:
        """Set a register by its address, such as `0x0F`, or the word `status`.

        Raises:
            BenchError: There is no such register, or the value does not fit.
        """
        if value != int(value):
            raise BenchError(f"'{name}' must be a whole number, not {value}.")
        if name == "status":
            self.status = int(value)
            return
        address = _address(name)
        if address not in self.registers:
            raise BenchError(f"There is no register {address:#x}.")
        self._check(address, int(value))
        self.registers[address] = int(value)

    def on_edge(self, pin: str, is_high: bool, time: float) -> None:
        """Follow the bus."""
        if pin == "cs":
            self._begin_frame()
            if is_high:
                self.release("miso")
            else:
                self._put_bit()
        elif pin == "sclk" and not self.is_high("cs"):
            if is_high:
                self._take_bit(self.is_high("mosi"))
            else:
                self._put_bit()

    def _begin_frame(self) -> None:
        self._bits = 0
        """The bits that were taken."""
        self._word = 0
        """Those of the word that comes in."""
        self._reads = False
        self._address = 0
        self._out = self.status
        """The word that goes out."""

    @property
    def _command_bits(self) -> int:
        return 1 + self._address_bits

    @property
    def _left(self) -> int:
        """The bits of the present word that did not come yet."""
        if self._bits < self._command_bits:
            return self._command_bits - self._bits
        return self._data_bits - (self._bits - self._command_bits) % self._data_bits

    def _put_bit(self) -> None:
        self.drive("miso", bool(self._out >> (self._left - 1) & 1))

    def _take_bit(self, bit: bool) -> None:
        is_last = self._left == 1
        is_command = self._bits < self._command_bits
        self._bits += 1
        self._word = self._word << 1 | bit
        if is_last:
            if is_command:
                self._reads = bool(self._word >> self._address_bits) is self._reads_at_one
                self._address = self._word % 2**self._address_bits
            else:
                self._end_word()
            self._word = 0
            self._out = self.registers.get(self._address, 0) if self._reads else 0

    def _end_word(self) -> None:
        may_write = self._address in self.registers and self._address not in self._read_only
        if not self._reads and may_write:
            self.registers[self._address] = self._word
        self._address = (self._address + 1) % 2**self._address_bits


def _address(key: str | int) -> int:
    try:
        return int(key, 0) if isinstance(key, str) else int(key)
    except ValueError as error:
        raise BenchError(f"The address '{key}' of a register must be a number.") from error
