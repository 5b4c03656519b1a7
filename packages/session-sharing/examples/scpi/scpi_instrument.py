"""An instrument that several programs share, by VISA: a resource with calls of its own."""

from functools import cached_property
from pathlib import Path

import pyvisa
import scpi_pb2
import scpi_pb2_grpc
from session_sharing import Resource, SessionHost, SharedSession, calls, serve

STATE = Path("scpi-server.json")


class Instrument(Resource):
    """Owns the only connection to the instrument; the name is its VISA resource name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.visa = pyvisa.ResourceManager("@py").open_resource(
            name, read_termination="\n", write_termination="\n"
        )

    def close(self) -> None:
        self.visa.close()

    def abandon(self, reason: str) -> None:
        self.visa.write("OUTPUT OFF")  # no program is left that could switch it off
        self.visa.close()


class Servicer(scpi_pb2_grpc.ScpiServicer):
    """Answers the calls in the server's event loop, in which nothing may wait."""

    async def Write(self, request, context):
        await calls.in_thread(calls.resource(Instrument).visa.write, request.text)
        return scpi_pb2.Done()

    async def Query(self, request, context):
        answer = await calls.in_thread(calls.resource(Instrument).visa.query, request.text)
        return scpi_pb2.Answer(text=answer)


class ScpiSession(SharedSession):
    """What programs use, instead of a connection of their own."""

    kind = "scpi"

    @cached_property
    def _stub(self):
        return scpi_pb2_grpc.ScpiStub(self.connection.channel)

    def write(self, text: str) -> None:
        self.call(self._stub.Write, scpi_pb2.Command(attachment=self.attachment, text=text))

    def query(self, text: str) -> str:
        request = scpi_pb2.Command(attachment=self.attachment, text=text)
        return self.call(self._stub.Query, request).text


if __name__ == "__main__":
    host = SessionHost({"scpi": Instrument})
    host.add_service(scpi_pb2_grpc.add_ScpiServicer_to_server, Servicer(), "scpi.Scpi")
    serve(host, STATE)
