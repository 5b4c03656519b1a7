"""A network stream: one program publishes, any number read, and the slowest sets the pace."""

import asyncio
from pathlib import Path

import data_stream_pb2_grpc as stubs
from data_stream_pb2 import Chunk
from session_sharing import Resource, ResourceInUseError, SessionHost, SharedSession, calls, serve

STATE, ROOM = Path("stream-server.json"), 16  # so many chunks can wait for each reader


class DataStream(Resource):
    """Has a queue for each reader; the publisher waits while one of them is full."""

    def __init__(self, name):
        super().__init__(name)
        self.publisher, self.queues = "", []

    def end_attachment(self, attachment, reason):
        if attachment == self.publisher:
            self.publisher = ""


class Servicer(stubs.DataStreamServicer):
    async def Publish(self, request, context):
        stream = calls.resource(DataStream)
        if stream.publisher not in ("", request.attachment):
            raise ResourceInUseError(f"Another program publishes to {stream.name!r}.")
        stream.publisher = request.attachment
        for queue in list(stream.queues):
            await queue.put(request.data)
        return Chunk()

    async def Read(self, request, context):
        queue, queues = asyncio.Queue(ROOM), calls.resource(DataStream).queues
        queues.append(queue)
        try:
            while True:
                yield Chunk(data=await queue.get())
        finally:
            queues.remove(queue)
            while not queue.empty():
                queue.get_nowait()  # the publisher, which may wait for room, goes on


class StreamSession(SharedSession):
    kind = "stream"
    stub = property(lambda self: stubs.DataStreamStub(self.connection.channel))

    def publish(self, data):
        self.call(self.stub.Publish, Chunk(attachment=self.attachment, data=data))

    def read(self):
        """Yield what is published; the end of the session is an error."""
        for chunk in self.call_stream(self.stub.Read, Chunk(attachment=self.attachment)):
            yield chunk.data


if __name__ == "__main__":
    host = SessionHost({"stream": DataStream})
    add, large = stubs.add_DataStreamServicer_to_server, ["Publish"]  # its requests may be large
    host.add_service(add, Servicer(), "data_stream.DataStream", data_methods=large)
    serve(host, STATE)
