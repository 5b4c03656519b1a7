"""Serve the calls that all NI drivers share: errors, configuration, the programming flow."""

from __future__ import annotations

from typing import Any

from device_sim.base.configuration import CONFIGURATION_BEGIN
from device_sim.base.error_table import ErrorTable
from device_sim.base.instrument import InstrumentSession
from device_sim.base.wire import Fields, channel_name
from device_sim.call import Call
from device_sim.errors import READING_FILE_FAILED, WRITING_FILE_FAILED, DriverError


class CommonCalls:
    """Serves the calls that all drivers have.

    Args:
        errors: The driver's errors.
    """

    def __init__(self, errors: ErrorTable) -> None:
        self._errors = errors

    # The programming flow.

    def initiate(self, session: InstrumentSession, request: Any, call: Call) -> None:
        """Start channels."""
        session.initiate(session.select_for_flow(channel_name(request)))

    def abort(self, session: InstrumentSession, request: Any, call: Call) -> None:
        """Stop channels."""
        session.abort(session.select_for_flow(channel_name(request)))

    def commit(self, session: InstrumentSession, request: Any, call: Call) -> None:
        """Check the attributes of channels."""
        session.commit(session.select_for_flow(channel_name(request)))

    def reset(self, session: InstrumentSession, request: Any, call: Call) -> None:
        """Reset channels."""
        session.reset(session.select_for_flow(channel_name(request)))

    def reset_device(self, session: InstrumentSession, request: Any, call: Call) -> None:
        """Reset everything."""
        session.reset()

    reset_with_defaults = reset_device

    def disable(self, session: InstrumentSession, request: Any, call: Call) -> None:
        """Stop, and make the outputs harmless."""
        session.disable()

    # Channels.

    def get_channel_name(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """Return the name of a channel, counted from 1."""
        return {"channel_name": ",".join(session.channels.numbered(str(request.index - 1)))}

    def get_channel_name_from_string(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> Fields:
        """Return the names of channels, counted from 0."""
        return {"channel_name": ",".join(session.channels.numbered(request.index))}

    # Errors.

    def get_error(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """Return the session's last error, and forget it."""
        (code, description), session.error = session.error, (0, "")
        return {"code": code, "description": description}

    def clear_error(self, session: InstrumentSession, request: Any, call: Call) -> None:
        """Forget the session's last error."""
        session.error = (0, "")

    def error_message(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """Return the text of an error code."""
        return {"error_message": self._errors.text(request.error_code)}

    get_error_message = error_message

    # The configuration.

    def export_attribute_configuration_buffer(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> Fields:
        """Return all attribute values as bytes."""
        return {"configuration": session.attributes.export(session.model.number)}

    def import_attribute_configuration_buffer(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> None:
        """Set the attributes from exported values."""
        session.import_configuration(request.configuration)

    def export_attribute_configuration_file(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> None:
        """Write all attribute values to a file on the server's disk."""
        try:
            session.files.write(
                request.file_path,
                session.attributes.export(session.model.number),
                replaces=CONFIGURATION_BEGIN,
            )
        except OSError as error:
            raise DriverError(WRITING_FILE_FAILED, str(error)) from error

    def import_attribute_configuration_file(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> None:
        """Set the attributes from a file on the server's disk."""
        try:
            configuration = session.files.read(request.file_path)
        except OSError as error:
            raise DriverError(READING_FILE_FAILED, str(error)) from error
        session.import_configuration(configuration)

    def _nothing(self, session: InstrumentSession, request: Any, call: Call) -> None:
        """Do nothing. IVI's cache and interchangeability checks do not exist here."""

    invalidate_all_attributes = _nothing
    reset_interchange_check = _nothing
    clear_interchange_warnings = _nothing

    def get_next_interchange_warning(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> Fields:
        """Return no warning: there is never one."""
        return {"interchange_warning": ""}

    def get_next_coercion_record(
        self, session: InstrumentSession, request: Any, call: Call
    ) -> Fields:
        """Return no record: coercions are not recorded."""
        return {"coercion_record": ""}

    def error_query(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """Return the instrument's own oldest error. There is never one."""
        return {"error_code": 0, "error_message": "No error."}

    def revision_query(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """Return the revisions of driver and firmware."""
        return {
            "instrument_driver_revision": session.get("specific_driver_revision"),
            "firmware_revision": session.get("instrument_firmware_revision"),
        }

    def self_test(self, session: InstrumentSession, request: Any, call: Call) -> Fields:
        """Pass: a simulated instrument always does."""
        return {"self_test_result": 0, "self_test_message": "Self-test passed."}
