"""Instrument models as data: each driver's folder has a `models.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

from device_sim.base.options import Options
from device_sim.errors import UNKNOWN_OPTION_VALUE, DriverError


class Model(Protocol):
    """The facts that every instrument model has."""

    @property
    def number(self) -> str:
        """The number, for example `4141`."""
        ...

    @property
    def channels(self) -> int:
        """The number of channels of an instrument."""
        ...

    @property
    def board(self) -> str:
        """The bus, `PXIe` or `PXI`, as in the model's full name."""
        ...

    @property
    def lacks(self) -> frozenset[str]:
        """Names of the driver's attributes that the model does not have."""
        ...

    @property
    def unverified(self) -> str:
        """The figures that no public document gives; empty if all are public."""
        ...


M = TypeVar("M", bound=Model)

_BOARD_TYPES = frozenset({"pxi", "pxie", "pci", "pcie", "usb"})


class ModelCatalog(Generic[M]):
    """The models of one driver.

    Args:
        models: The models by number.
        default: The number that a client gets if it names none.
    """

    def __init__(self, models: Mapping[str, M], default: str) -> None:
        self.models = dict(models)
        self.default = self.models[default]

    def find(self, number: str) -> M | None:
        """Return the model with this number. `PXIe-4141`, as on the device, works, too."""
        return self.models.get(number.upper().rpartition("-")[2])

    def choose(self, options: Options, wired: str | None) -> M:
        """Return the model for a session.

        Args:
            options: The client's options; `DriverSetup=Model:…` names a model.
            wired: The model that the bench file gives the instrument, None without one.

        Raises:
            DriverError: The options name a model or board type that does not exist.
        """
        board = options.setup.get("boardtype", "PXIe")
        if board.lower() not in _BOARD_TYPES:
            raise DriverError(UNKNOWN_OPTION_VALUE, f"BoardType:{board}")
        number = options.setup.get("model") or wired
        if number is None:
            return self.default
        model = self.find(number)
        if model is None:
            known = ", ".join(sorted(self.models))
            raise DriverError(UNKNOWN_OPTION_VALUE, f"Model:{number}\nSimulated models: {known}")
        return model


def full_name(model: Model) -> str:
    """Return the name that the driver reports, `NI PXIe-4141`."""
    return f"NI {model.board}-{model.number}"


def identity(model: Model, package_version: str) -> dict[str, Any]:
    """Return the attributes by which every IVI driver identifies itself and its device."""
    return {
        "instrument_manufacturer": "National Instruments",
        "instrument_model": full_name(model),
        "instrument_firmware_revision": "simulated",
        "serial_number": "0",
        "specific_driver_vendor": "National Instruments",
        "specific_driver_revision": f"Driver: device-sim for {package_version}",
    }
