"""Devices under test that behave: digital devices in Python, on the nets of a bench.

A bench file names a class in a `[[device]]` table. `DigitalDevice` is the base of such a class,
`SpiRegisters` an example that is ready to use.
"""

from __future__ import annotations

from device_sim.duts.digital import DigitalDevice
from device_sim.duts.spi import SpiRegisters

__all__ = ["DigitalDevice", "SpiRegisters"]
