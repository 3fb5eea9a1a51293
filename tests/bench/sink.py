"""Storage that takes every object and keeps none, for nearly no work: what is left of a measurement is the server's own."""

import asyncio
import re

PIECE = 1 << 20
ANSWER = b'HTTP/1.1 200 OK\r\nETag: "sink"\r\nContent-Length: 0\r\n\r\n'


class Sink(asyncio.BufferedProtocol):
    buffer = bytearray(PIECE)  # what is in it has been looked at before anybody else writes to it

    def __init__(self):
        self.head, self.left = b"", 0

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, count):
        if self.left > 0:
            self.left -= count
        else:
            self.head += self.buffer[:count]
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = re.search(rb"\r\nContent-Length: *(\d+)", self.head[: end + 2], re.I)
            if re.search(rb"\r\nExpect:", self.head[: end + 2], re.I):
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.left = (int(length.group(1)) if length else 0) - (len(self.head) - end - 4)
        if self.left <= 0:
            self.head = b""
            self.transport.write(ANSWER)


def serve(listener):
    """In a process of its own; `listener` is bound."""

    async def forever():
        server = await asyncio.get_running_loop().create_server(Sink, sock=listener)
        await server.serve_forever()

    asyncio.run(forever())
