"""Who may call: the platform's own user and root, and other users when they were let in.

The services ask nobody for a token, because NI's clients have none to show; the system tells whose
a connection is. Root is let in because it can do as any user anyway.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from platform_sim.errors import OtherUserError
from platform_sim.peer_user import PeerUsers

_ROOT = 0
_KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class SameUserRule:
    """Refuses the calls of other users. Where the system does not tell users, it refuses none.

    Args:
        allows_other_users: Whether to refuse nobody.
    """

    def __init__(self, *, allows_other_users: bool = False) -> None:
        self._checks = not allows_other_users and PeerUsers.is_known()
        self._users: PeerUsers | None = None

    def listens_at(self, host: str, port: int) -> None:
        """Say which listener the calls come to; before that, all are refused."""
        self._users = PeerUsers(host, port)

    def check(self, peer: str) -> None:
        """Do nothing if a caller may call.

        Args:
            peer: The caller's address as gRPC gives it.

        Raises:
            OtherUserError: It is another user's, or nobody knows whose.
        """
        if sys.platform == "win32" or not self._checks:
            return
        user = self._users.user_of(peer) if self._users else None
        if user in (_ROOT, os.geteuid()):
            return
        caller = "whose user is not known" if user is None else f"of user {user}"
        raise OtherUserError(
            f"This platform serves user {os.geteuid()} alone, and this is a call {caller}. To let "
            "all users of the machine in, start it by 'platform-sim up --other-users', or with "
            "allows_other_users in its options."
        )

    def close(self) -> None:
        """Free what the questions need."""
        if self._users is not None:
            self._users.close()


class SameUserInterceptor(grpc.aio.ServerInterceptor):
    """Keeps a rule on a server of unary methods; a method of another kind is not served."""

    def __init__(self, rule: SameUserRule) -> None:
        self._rule = rule

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler behind the rule."""
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return None
        method = handler.unary_unary

        async def call(request: Any, context: Any) -> Any:
            self._rule.check(context.peer())
            return await method(request, context)

        return grpc.unary_unary_rpc_method_handler(
            call, handler.request_deserializer, handler.response_serializer
        )


class SameUserSyncInterceptor(grpc.ServerInterceptor):
    """Keeps a rule on a server with threads, for methods of every kind."""

    def __init__(self, rule: SameUserRule) -> None:
        self._rule = rule

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler behind the rule."""
        handler: Any = continuation(handler_call_details)
        if handler is None:
            return None
        kind = next(one for one in _KINDS if getattr(handler, one) is not None)
        method = getattr(handler, kind)

        def call(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                self._rule.check(context.peer())
            except OtherUserError as error:
                refusal = str(error)
            else:
                return method(request, context)
            # Outside the try: `abort` raises a bare Exception.
            context.abort(grpc.StatusCode.PERMISSION_DENIED, refusal)
            raise AssertionError("abort raises")

        make: Any = getattr(grpc, f"{kind}_rpc_method_handler")
        wrapped: grpc.RpcMethodHandler[Any, Any] = make(
            call, handler.request_deserializer, handler.response_serializer
        )
        return wrapped
