"""The calls that every NI driver has in the same words: attributes, errors, configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from device_sim.base.attributes import Value
from device_sim.base.instrument import CONFIGURATION_BEGIN, InstrumentSession
from device_sim.call import Call
from device_sim.errors import (
    FUNCTION_NOT_SUPPORTED,
    READING_FILE_FAILED,
    WRITING_FILE_FAILED,
    DriverError,
    ErrorCode,
    enum_not_given,
)

Fields = Mapping[str, Any]
"""The fields of a response, apart from those that keep their default.

A positive `status` is a warning, of which clients ask the text; the call has worked all the same.
"""

Method = Callable[[Any, Any, Call], "Fields | None"]
"""What serves one RPC: session, request and call give the response's fields."""

_ATTRIBUTE_CALL = re.compile(r"(Get|Set|Check)AttributeVi(\w+)")


def snake_case(rpc: str) -> str:
    """The Python name of an RPC: `ConfigureRTDType` is `configure_rtd_type`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", rpc)
    return words.lower()


def channel_name(request: Any) -> str:
    """The channel string; calls that have none mean all channels."""
    name: str = getattr(request, "channel_name", "")
    return name


def enum_value(request: Any, field: str) -> int:
    """The number that a client gave for an enum, by name or raw.

    Raises:
        CallError: It gave neither.
    """
    given = request.WhichOneof(f"{field}_enum")
    if given is None:
        raise enum_not_given(field)
    return int(getattr(request, given))


def number_value(request: Any, field: str) -> float:
    """As `enum_value` where the raw value is a real number."""
    given = request.WhichOneof(f"{field}_enum")
    if given is None:
        raise enum_not_given(field)
    return float(getattr(request, given))


class DriverService:
    """Serves the RPCs of one driver on its sessions.

    A method named as the RPC (in snake case) serves it. RPCs that only write attributes are
    listed in `CONFIGURES`; those that this driver has and the simulation lacks are answered
    with the driver's own "not supported" error.
    """

    CONFIGURES: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """RPC name to request field to attribute name."""

    ERRORS: ClassVar[Mapping[int, ErrorCode]] = {}
    """The driver's error codes."""

    def find(self, rpc: str) -> Method | None:
        """What serves `rpc`, or None if nothing does."""
        method: Method | None = getattr(self, snake_case(rpc), None)
        if method is not None:
            return method
        attribute_call = _ATTRIBUTE_CALL.fullmatch(rpc)
        if attribute_call and attribute_call[2] != "Session":
            return _attribute_method(*attribute_call.groups())
        return self._configure_method(self.CONFIGURES[rpc]) if rpc in self.CONFIGURES else None

    @staticmethod
    def _configure_method(writes: Mapping[str, str]) -> Method:
        def method(session: InstrumentSession, request: Any, call: Call) -> None:
            for field, attribute in writes.items():
                session.set(attribute, _field_value(request, field), channel_name(request))

        return method

    def get_error(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """The session's last error, which this forgets."""
        (code, description), session.error = session.error, (0, "")
        names = [
            field.name
            for field in request.DESCRIPTOR.file.message_types_by_name["GetErrorResponse"].fields
        ]
        return {"error_code" if "error_code" in names else "code": code, "description": description}

    def clear_error(self, session: InstrumentSession, request: Any, call: Call) -> None:
        """Forget the session's last error."""
        session.error = (0, "")

    def error_message(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """The text of an error code."""
        known = self.ERRORS.get(request.error_code)
        return {
            "error_message": known.text if known else f"Unknown status code {request.error_code}."
        }

    get_error_message = error_message

    def export_attribute_configuration_buffer(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> Fields:
        """All attribute values, as bytes."""
        return {"configuration": session.export_configuration()}

    def import_attribute_configuration_buffer(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> None:
        """Take over exported attribute values."""
        session.import_configuration(request.configuration)

    def export_attribute_configuration_file(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> None:
        """Write all attribute values to a file on the server's disk."""
        try:
            session.files.write(
                request.file_path, session.export_configuration(), replaces=CONFIGURATION_BEGIN
            )
        except OSError as error:
            raise DriverError(WRITING_FILE_FAILED, str(error)) from error

    def import_attribute_configuration_file(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> None:
        """Take over attribute values from a file on the server's disk."""
        try:
            configuration = session.files.read(request.file_path)
        except OSError as error:
            raise DriverError(READING_FILE_FAILED, str(error)) from error
        session.import_configuration(configuration)

    def _nothing(self, session: InstrumentSession, request: Any, call: Call) -> None:
        """Calls that concern IVI's cache and interchangeability checks, which do not exist here."""

    invalidate_all_attributes = _nothing
    reset_interchange_check = _nothing
    clear_interchange_warnings = _nothing

    def get_next_interchange_warning(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> Fields:
        """There is never a warning."""
        return {"interchange_warning": ""}

    def get_next_coercion_record(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> Fields:
        """Coercions are not recorded."""
        return {"coercion_record": ""}

    def error_query(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """The instrument's own error queue, which is empty."""
        return {"error_code": 0, "error_message": "No error."}

    def revision_query(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """Revisions of driver and firmware."""
        return {
            "instrument_driver_revision": session.get("specific_driver_revision"),
            "firmware_revision": session.get("instrument_firmware_revision"),
        }

    def self_test(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """A simulated instrument always passes."""
        return {"self_test_result": 0, "self_test_message": "Self-test passed."}


def _field_value(request: Any, field: str) -> Value:
    oneofs = request.DESCRIPTOR.oneofs_by_name
    if f"{field}_enum" in oneofs:
        return number_value(request, field)
    value: Value = getattr(request, field)
    return value


def _attribute_method(action: str, kind: str) -> Method:
    def method(session: InstrumentSession, request: Any, call: Call) -> Fields | None:
        where = (request.channel_name, request.attribute_id, kind)
        if action == "Get":
            return {"attribute_value": session.get_attribute(*where)}
        value = _attribute_value(request)
        if action == "Set":
            session.set_attribute(*where, value)
        else:
            session.table.writable(request.attribute_id, kind).check(value)
        return None

    return method


def _attribute_value(request: Any) -> Value:
    if request.DESCRIPTOR.oneofs_by_name:
        return number_value(request, "attribute_value")
    raw = "attribute_value_raw"
    value: Value = getattr(request, raw) if hasattr(request, raw) else request.attribute_value
    return value


def refuse(rpc: str) -> Method:
    """Serves a call that the driver has and the simulation lacks."""

    def method(session: InstrumentSession, request: Any, call: Call) -> None:
        raise DriverError(FUNCTION_NOT_SUPPORTED, f"Not simulated: {rpc}")

    return method
