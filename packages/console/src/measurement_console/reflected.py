"""Call a gRPC service whose messages come from the server's reflection: no stubs are needed.

So the console works with simulations that it does not import, and with another version of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from measurement_console.errors import ServiceCallError

_SECONDS = 10.0
"""Seconds to wait for an answer."""
_MOST_FILES = 200
"""Descriptor files that a server may send."""


class ReflectedService:
    """A service of a server. Make it with `reflect`.

    Args:
        channel: Channel to the server.
        descriptor: Description of the service.
    """

    def __init__(self, channel: grpc.Channel, descriptor: ServiceDescriptor) -> None:
        self._channel = channel
        self._descriptor = descriptor

    def has(self, method: str) -> bool:
        """Return whether the server's version of the service has a method."""
        return method in self._descriptor.methods_by_name

    def call(self, method: str, **fields: Any) -> Any:
        """Call a method that has one answer.

        Args:
            method: Name of the method.
            **fields: Fields of the request. Messages are given as dictionaries.

        Returns:
            The answer, a message.

        Raises:
            ServiceCallError: The server refused, cannot be reached, or has no such method.
        """
        found = self._method(method)
        call = self._channel.unary_unary(self._path(found), *_codec(found))
        try:
            return call(_request(found, fields), timeout=_SECONDS)
        except grpc.RpcError as error:
            raise _as_own(error) from error

    def stream(self, method: str, **fields: Any) -> Iterator[Any]:
        """Call a method that streams its answers, and yield them.

        Raises:
            ServiceCallError: The server refused, went away, or has no such method.
        """
        found = self._method(method)
        call = self._channel.unary_stream(self._path(found), *_codec(found))
        answers = call(_request(found, fields))
        try:
            yield from answers
        except grpc.RpcError as error:
            raise _as_own(error) from error
        finally:
            answers.cancel()

    def _method(self, name: str) -> MethodDescriptor:
        if not self.has(name):
            raise ServiceCallError(
                f"{self._descriptor.full_name} of this server has no {name}. Update the server.",
                grpc.StatusCode.UNIMPLEMENTED,
            )
        return self._descriptor.methods_by_name[name]

    def _path(self, method: MethodDescriptor) -> str:
        return f"/{self._descriptor.full_name}/{method.name}"


def reflect(channel: grpc.Channel, service: str) -> ReflectedService:
    """Ask a server for the description of a service.

    Args:
        channel: Channel to the server.
        service: Full name, such as "device_sim.v1.Bench".

    Raises:
        ServiceCallError: The server cannot be reached, has no reflection or no such service.
    """
    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    ask = _Questions(channel)
    # A server may describe services that it does not serve.
    if service not in ask.services():
        raise _lacks(service)
    try:
        files.update(ask.files(file_containing_symbol=service))
        while missing := _missing(files):
            files.update(ask.files(file_by_filename=missing))
            if missing not in files or len(files) > _MOST_FILES:
                raise TypeError(f"{missing} is missing")
        pool = descriptor_pool.DescriptorPool()
        for file in _in_order(files):
            pool.Add(file)
        return ReflectedService(channel, pool.FindServiceByName(service))
    except (DecodeError, KeyError, TypeError, RecursionError) as error:
        raise ServiceCallError(
            f"The server's description of {service} cannot be used: {error}.",
            grpc.StatusCode.UNIMPLEMENTED,
        ) from error


class _Questions:
    """Ask a server's reflection. All methods raise ServiceCallError if it does not answer."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = reflection_pb2_grpc.ServerReflectionStub(channel)

    def services(self) -> list[str]:
        """Return the names of the services that the server serves."""
        answer = self._ask(list_services="")
        return [one.name for one in answer.list_services_response.service]

    def files(self, **question: str) -> dict[str, descriptor_pb2.FileDescriptorProto]:
        """Return the descriptor files of an answer by name; none if the server knows none."""
        answer = self._ask(**question)
        contents = answer.file_descriptor_response.file_descriptor_proto
        files = map(descriptor_pb2.FileDescriptorProto.FromString, contents)
        return {file.name: file for file in files}

    def _ask(self, **question: str) -> Any:
        request = reflection_pb2.ServerReflectionRequest(**question)
        answers = self._stub.ServerReflectionInfo(iter([request]), timeout=_SECONDS)
        try:
            for answer in answers:
                return answer
        except grpc.RpcError as error:
            raise _as_own(error) from error
        finally:
            answers.cancel()
        return reflection_pb2.ServerReflectionResponse()


def _as_own(error: grpc.RpcError) -> ServiceCallError:
    call = cast(grpc.Call, error)  # gRPC's stubs do not show that an error is a call, too
    return ServiceCallError(call.details() or call.code().name, call.code())


def _lacks(wanted: str) -> ServiceCallError:
    return ServiceCallError(f"This server does not have {wanted}.", grpc.StatusCode.UNIMPLEMENTED)


def _missing(files: dict[str, descriptor_pb2.FileDescriptorProto]) -> str:
    """Return the name of a file that another one imports and that is not there, or ""."""
    imported = (name for file in files.values() for name in file.dependency)
    return next((name for name in imported if name not in files), "")


def _in_order(
    files: dict[str, descriptor_pb2.FileDescriptorProto],
) -> list[descriptor_pb2.FileDescriptorProto]:
    """Return files so that each one comes after those that it imports."""
    ordered: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise TypeError(f"{name} imports itself")
        if name not in ordered:
            for imported in files[name].dependency:
                add(imported, (*path, name))
            ordered[name] = files[name]

    for name in files:
        add(name, ())
    return list(ordered.values())


def _codec(method: MethodDescriptor) -> tuple[Any, Any]:
    request = message_factory.GetMessageClass(method.input_type)
    answer = message_factory.GetMessageClass(method.output_type)
    return request.SerializeToString, answer.FromString


def _request(method: MethodDescriptor, fields: dict[str, Any]) -> Message:
    try:
        return message_factory.GetMessageClass(method.input_type)(**fields)
    except (TypeError, ValueError) as error:
        raise ServiceCallError(
            f"{method.name} of this server does not take {', '.join(fields)}. "
            "Update the server or the console.",
            grpc.StatusCode.INVALID_ARGUMENT,
        ) from error
