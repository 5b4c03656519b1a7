"""Call a measurement plug-in."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

import grpc
from google.protobuf import any_pb2
from ni.measurementlink import pin_map_context_pb2
from ni.measurementlink.measurement.v1 import measurement_service_pb2 as v1
from ni.measurementlink.measurement.v1 import measurement_service_pb2_grpc as v1_grpc
from ni.measurementlink.measurement.v2 import measurement_service_pb2 as v2
from ni.measurementlink.measurement.v2 import measurement_service_pb2_grpc as v2_grpc

from plugin_kit.calling.channels import open_channel, text_of_error
from plugin_kit.calling.extensions import LEFT_BY, LastRun
from plugin_kit.calling.message_classes import message_class
from plugin_kit.calling.metadata import Parameter, PluginMetadata
from plugin_kit.calling.platform import PlatformClient
from plugin_kit.calling.values import (
    parse_text,
    read_default,
    read_value,
    send_zero_enums,
    write_value,
)
from plugin_kit.errors import ParameterError, PlatformError, PluginCallError
from plugin_kit.step_context import StepContext

V1_INTERFACE = "ni.measurementlink.measurement.v1.MeasurementService"
V2_INTERFACE = "ni.measurementlink.measurement.v2.MeasurementService"

_SIGNS_OF_A_LOST_CONNECTION = (
    "Socket closed",
    "Connection reset",
    "Broken pipe",
    "failed to connect",
    "Stream removed",  # on Windows, where the rest of the text is in the user's language
)
"""Texts of gRPC, with the status UNAVAILABLE, when the plug-in's process has ended."""
_LONGEST_END = 2.0
"""Seconds between the last connection of a dying process and its end."""


class MeasurementPlugin:
    """A running measurement plug-in. Use it as a context manager, or call `close`."""

    def __init__(
        self,
        address: str,
        *,
        has_v2: bool = True,
        discovery_address: str = "",
        timeout: float | None = None,
    ) -> None:
        """Connect to a plug-in and read its metadata.

        Args:
            address: HOST:PORT of the plug-in.
            has_v2: False for a plug-in that has only version 1 of the measurement service, which
                sends the result without updates.
            discovery_address: HOST:PORT of the platform, which knows the sites of pin maps and how
                a plug-in ended.
            timeout: Seconds to wait for the metadata, None for no limit.

        Raises:
            PluginCallError: The plug-in cannot be reached, or does not answer in time.
        """
        self._address = address
        self._discovery_address = discovery_address
        self._channel = open_channel(address)
        self._v2 = v2_grpc.MeasurementServiceStub(self._channel) if has_v2 else None
        self._v1 = v1_grpc.MeasurementServiceStub(self._channel)
        self._lock = threading.Lock()
        self._call: grpc.Call | None = None
        try:
            self._signature = self._read_signature(timeout)
            self.metadata = _read_metadata(self._signature)
            self._configuration_class = message_class("Configurations", self.metadata.parameters)
            self._output_class = message_class("Outputs", self.metadata.outputs)
        except BaseException:
            self._channel.close()
            raise

    @classmethod
    def resolve(
        cls,
        service_class: str,
        *,
        discovery_address: str,
        version: str = "",
        timeout: float | None = None,
    ) -> MeasurementPlugin:
        """Find a plug-in by its service class; discovery starts it if necessary.

        Args:
            service_class: Service class of the plug-in.
            discovery_address: HOST:PORT of the discovery service.
            version: Version of the plug-in, "" for the latest.
            timeout: Seconds to wait for the metadata of the running plug-in, None for no limit.

        Raises:
            PluginCallError: There is no such plug-in, or it cannot be started or reached.
        """
        with PlatformClient(discovery_address) as platform:
            interfaces = platform.interfaces_of(service_class)
            has_v2 = V2_INTERFACE in interfaces or V1_INTERFACE not in interfaces
            interface = V2_INTERFACE if has_v2 else V1_INTERFACE
            address = platform.resolve(interface, service_class, version=version)
        return cls(address, has_v2=has_v2, discovery_address=discovery_address, timeout=timeout)

    def __enter__(self) -> MeasurementPlugin:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the running measurement, if there is one, and close the connection."""
        self.cancel()
        self._channel.close()

    def parse(self, texts: Mapping[str, str]) -> dict[str, object]:
        """Return the values that texts of a command line mean, by the types of the parameters.

        Raises:
            ParameterError: There is no such parameter, or a text does not fit its type.
        """
        return {name: parse_text(self._parameter(name), text) for name, text in texts.items()}

    def measure(
        self,
        values: Mapping[str, object] | None = None,
        *,
        pin_map_id: str = "",
        sites: Sequence[int] | None = None,
        timeout: float | None = None,
        step: StepContext | None = None,
    ) -> dict[str, object]:
        """Measure, and return the result. Use `stream` to get the updates, too.

        Args:
            values: Parameters by name; the others have their defaults. An enum is a name or a
                number; arrays and numbers may be numpy's.
            pin_map_id: Id of a loaded pin map, "" for none.
            sites: Sites to measure on. With None, the plug-in gets the numbers of all sites of the
                pin map; without a `discovery_address` it gets none.
            timeout: Deadline in seconds, None for none.
            step: The step that measures. Plug-ins that know it log it with their readings.

        Returns:
            The outputs by name. Enums come by name, with their `number`.

        Raises:
            ParameterError: There is no such parameter, or a value or site does not fit its type.
            PluginCallError: The plug-in ended the call with an error or without a result, or the
                call was cancelled.
        """
        result: dict[str, object] | None = None
        for outputs in self.stream(
            values, pin_map_id=pin_map_id, sites=sites, timeout=timeout, step=step
        ):
            result = outputs
        if result is None:
            raise PluginCallError(
                "The plug-in ended the call without a result. Its measurement must return or yield "
                "outputs."
            )
        return result

    def stream(
        self,
        values: Mapping[str, object] | None = None,
        *,
        pin_map_id: str = "",
        sites: Sequence[int] | None = None,
        timeout: float | None = None,
        step: StepContext | None = None,
    ) -> Iterator[dict[str, object]]:
        """Measure, and yield the outputs by name each time the plug-in sends them.

        The arguments are those of `measure`. Leaving the iteration cancels the measurement.

        Yields:
            The outputs; the last ones are the result.

        Raises:
            ParameterError: There is no such parameter, or a value or site does not fit its type.
            PluginCallError: The plug-in ended the call with an error, or it was cancelled.
        """
        configuration = self._configuration(values or {})
        if sites is None:
            sites = self._sites_of(pin_map_id)
        try:
            context = pin_map_context_pb2.PinMapContext(pin_map_id=pin_map_id, sites=sites)
        except (TypeError, ValueError) as error:
            raise ParameterError(
                f"{sites} are not site numbers: {error}. Pass a list of integers."
            ) from error
        call, responses = self._call_measure(configuration, context, timeout, step or StepContext())
        with self._lock:
            self._call = call
        return self._outputs(call, responses)

    def cancel(self) -> None:
        """Cancel the running measurement, if there is one."""
        with self._lock:
            if self._call is not None:
                self._call.cancel()

    def _read_signature(
        self, timeout: float | None
    ) -> v1.GetMetadataResponse | v2.GetMetadataResponse:
        try:
            if self._v2 is not None:
                return self._v2.GetMetadata(v2.GetMetadataRequest(), timeout=timeout)
            return self._v1.GetMetadata(v1.GetMetadataRequest(), timeout=timeout)
        except grpc.RpcError as error:
            raise PluginCallError(
                f"The plug-in at {self._address} did not return its metadata: "
                f"{self._text_of(error)}"
            ) from error

    def _sites_of(self, pin_map_id: str) -> list[int]:
        """Return the sites of a pin map: the SDK finds connections by the numbers in a call."""
        if not pin_map_id or not self._discovery_address:
            return []
        with PlatformClient(self._discovery_address) as platform:
            return platform.site_numbers(pin_map_id)

    def _configuration(self, values: Mapping[str, object]) -> any_pb2.Any:
        message = self._configuration_class()
        signature = self._signature.measurement_signature
        message.ParseFromString(signature.configuration_defaults.value)
        for name, value in values.items():
            write_value(message, self._parameter(name), value)
        send_zero_enums(message, self.metadata.parameters)
        return any_pb2.Any(
            type_url=f"type.googleapis.com/{self.metadata.configuration_type}",
            value=message.SerializeToString(),
        )

    def _parameter(self, name: str) -> Parameter:
        for parameter in self.metadata.parameters:
            if parameter.name == name:
                return parameter
        there = ", ".join(parameter.name for parameter in self.metadata.parameters)
        raise ParameterError(f"The plug-in has no parameter {name!r}; there are: {there}.")

    def _call_measure(
        self,
        configuration: any_pb2.Any,
        context: pin_map_context_pb2.PinMapContext,
        timeout: float | None,
        step: StepContext,
    ) -> tuple[Any, Iterator[any_pb2.Any]]:
        """Begin the call; return it and an iterator over its answers."""
        metadata = step.metadata()
        if self._v2 is not None:
            stream = self._v2.Measure(
                v2.MeasureRequest(configuration_parameters=configuration, pin_map_context=context),
                timeout=timeout,
                metadata=metadata,
            )
            return stream, (response.outputs for response in stream)
        future = self._v1.Measure.future(
            v1.MeasureRequest(configuration_parameters=configuration, pin_map_context=context),
            timeout=timeout,
            metadata=metadata,
        )
        return future, (call.result().outputs for call in (future,))

    def _outputs(self, call: Any, responses: Iterator[any_pb2.Any]) -> Iterator[dict[str, object]]:
        try:
            for outputs in responses:
                message = self._output_class()
                message.ParseFromString(outputs.value)
                yield {one.name: read_value(message, one) for one in self.metadata.outputs}
        except grpc.FutureCancelledError as error:
            raise PluginCallError("CANCELLED: the measurement was cancelled.") from error
        except grpc.RpcError as error:
            raise PluginCallError(self._text_of(error)) from error
        finally:
            call.cancel()

    def _text_of(self, error: grpc.RpcError) -> str:
        """Return the text of an error, with the last output of a plug-in that has ended."""
        text = text_of_error(error)
        if LEFT_BY in text:
            run = self._last_run(wait=0)
            return f"{text}\n{run.output}" if run else text
        if any(sign in text for sign in _SIGNS_OF_A_LOST_CONNECTION):
            # A dying process closes its connections shortly before it has ended.
            run = self._last_run(wait=_LONGEST_END)
            if run and run.ended:
                return f"{text}\nThe plug-in ended with {run.ended}. {run.output}"
        return text

    def _last_run(self, wait: float) -> LastRun | None:
        if not self._discovery_address:
            return None
        with PlatformClient(self._discovery_address) as platform, suppress(PlatformError):
            return platform.last_run(self._address, wait=wait)
        return None


def _read_metadata(response: Any) -> PluginMetadata:
    signature, details = response.measurement_signature, response.measurement_details
    parameters = tuple(_read_parameter(one) for one in signature.configuration_parameters)
    defaults = message_class("Defaults", parameters)()
    defaults.ParseFromString(signature.configuration_defaults.value)
    return PluginMetadata(
        display_name=details.display_name,
        version=details.version,
        parameters=tuple(
            _read_parameter(message, read_default(defaults, parameter))
            for message, parameter in zip(
                signature.configuration_parameters, parameters, strict=True
            )
        ),
        outputs=tuple(_read_parameter(one) for one in signature.outputs),
        configuration_type=signature.configuration_parameters_message_type,
        ui_file_urls=tuple(one.file_url for one in response.user_interface_details),
    )


def _read_parameter(message: Any, default: object = None) -> Parameter:
    # Version 1 of the service has neither message types nor, for outputs, annotations.
    return Parameter(
        name=message.name,
        field_number=message.field_number,
        type=message.type,
        is_repeated=message.repeated,
        message_type=getattr(message, "message_type", ""),
        annotations=dict(getattr(message, "annotations", {})),
        default=default,
    )
