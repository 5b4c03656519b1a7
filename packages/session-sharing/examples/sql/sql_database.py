"""A database (SQLite, PostgreSQL, ...) in which each program has a transaction of its own."""

import json
from collections import defaultdict
from pathlib import Path

import sql_pb2
import sql_pb2_grpc
from session_sharing import Resource, SessionHost, SharedSession, calls, serve
from sqlalchemy import create_engine, text

STATE = Path("sql-server.json")
DATABASES = Path("databases.json")  # the URL of each database, by the name that clients see


class Database(Resource):
    """Rolls a transaction back when its program leaves or dies without a commit."""

    def __init__(self, name):
        super().__init__(name)
        self.engine = create_engine(json.loads(DATABASES.read_text())[name])
        self.transactions = defaultdict(self.engine.connect)

    def execute(self, request):
        transaction = self.transactions[request.attachment]
        result = transaction.execute(text(request.text), json.loads(request.parameters))
        rows = [dict(row) for row in result.mappings()] if result.returns_rows else []
        if request.commit:
            transaction.commit()
        return json.dumps(rows, default=str)

    def end_attachment(self, attachment, reason):
        if attachment in self.transactions:
            self.transactions.pop(attachment).close()  # this rolls back

    def close(self):
        for transaction in self.transactions.values():
            transaction.close()
        self.engine.dispose()


class Servicer(sql_pb2_grpc.SqlServicer):
    async def Execute(self, request, context):
        return sql_pb2.Rows(json=await calls.in_thread(calls.resource(Database).execute, request))


class DatabaseSession(SharedSession):
    kind = "sql"

    def execute(self, text, *, commit=False, **parameters):
        """Execute SQL with named parameters, as in `INSERT INTO run VALUES (:number)`."""
        named = {"parameters": json.dumps(parameters), "commit": commit}
        request = sql_pb2.Statement(attachment=self.attachment, text=text, **named)
        stub = sql_pb2_grpc.SqlStub(self.connection.channel)
        return json.loads(self.call(stub.Execute, request).json)


if __name__ == "__main__":
    host = SessionHost({"sql": Database})
    host.add_service(sql_pb2_grpc.add_SqlServicer_to_server, Servicer(), "sql.Sql")
    serve(host, STATE)
