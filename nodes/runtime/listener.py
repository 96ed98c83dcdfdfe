"""The accepting side of a node: a bound on its connections, and one error shape for any bytes.

A node keeps at most so many connections. One more takes the place of the one that has been idle
longest, so connections that are only held open keep nobody out. Where none is idle, the new one's
request gets 503 with Retry-After.
"""

from typing import Any, cast

from aiohttp import web

from nodes.runtime.log import get_log
from nodes.runtime.problem import problem_response
from nodes.runtime.refusals import Overloaded, UnexpectedFailure, UnreadableRequest


class Runner(web.AppRunner):
    """Runs an application on about `connections` connections."""

    __slots__ = ("_most",)

    def __init__(self, app: web.Application, *, connections: int, **settings: Any) -> None:
        super().__init__(app, **settings)
        self._most = connections

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self._most)


class _Server(web.Server):
    """The library's server of an application, with connections of our own."""

    def __init__(self, made: web.Server, most: int) -> None:
        super().__init__(
            self._handle,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )
        self._application = made.request_handler
        self._most = most

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    def make_room(self) -> bool:
        """Room for one more connection; the oldest idle one is closed if need be."""
        if len(self._connections) < self._most:
            return True
        for connection in self._connections:
            if not (connection._request_in_progress or connection._messages):
                connection.force_close()
                del self._connections[connection]
                return True
        return False

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if cast(_Connection, request.protocol).surplus:
            return _last(problem_response(Overloaded()))
        try:
            return await self._application(request)
        except web.HTTPException as error:
            return _last(problem_response(UnreadableRequest(str(error))))


class _Connection(web.RequestHandler):
    __slots__ = ("surplus",)

    def connection_made(self, transport: Any) -> None:
        self.surplus = not cast(_Server, self._manager).make_room()
        super().connection_made(transport)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is told of a request that reached no handler, or of a handler that broke off."""
        if request.writer.output_size > 0 or isinstance(exc, ConnectionError):
            raise ConnectionError("nothing more can be told on this connection") from exc
        if status < 500:
            return _last(problem_response(UnreadableRequest(message or "")))
        get_log().error("unexpected_failure", path=request.path, exc_info=exc)
        return _last(problem_response(UnexpectedFailure()))


def _last(response: web.Response) -> web.Response:
    """The connection ends with this answer."""
    response.force_close()
    return response
