"""As much of HTTP as monitor ports take."""

import asyncio
import collections
import re

METRIC = re.compile(r"(?P<name>\w+)(?:\{.*\})? (?P<value>\S+)$")
PATIENCE_S = 5


async def get(port, path, method="GET"):
    """(status, body). Raises OSError when there is no answer."""
    try:
        return await asyncio.wait_for(_ask(port, path, method), PATIENCE_S)
    except (asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError, IndexError) as error:
        raise ConnectionError(f"no answer to {path}: {error!r}") from None


async def _ask(port, path, method):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body.decode(errors="replace")
    finally:
        writer.close()


async def metrics(port):
    """{name: value}, labels added up."""
    status, body = await get(port, "/metrics")
    if status != 200:
        raise ConnectionError(f"/metrics says {status}")
    values = collections.Counter()
    for line in body.splitlines():
        if found := METRIC.match(line):
            values[found["name"]] += float(found["value"])
    return values
