"""Clients that send and do not read: on the socket, or by a window of HTTP/2 that they never open."""
import contextlib
import select
import socket
import struct
import time

import hpack

from support import http2, websocket


class Peer:
    """A socket that is fed for a while. `slow`: it reads a byte a second; else it reads nothing."""

    def __init__(self, address, slow=False):
        self.slow, self.sent, self.closed = slow, 0, False
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(10)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def feed(self, chunks, seconds, most):
        """Sends what `chunks` gives for `seconds`, at most `most` bytes, as fast as it is taken."""
        self.socket.setblocking(False)
        end, next_byte, rest = time.monotonic() + seconds, time.monotonic() + 1, b""
        while (now := time.monotonic()) < end and not self.closed:
            if self.slow and now >= next_byte:
                next_byte += 1
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    self.socket.recv(1)
            if not rest and self.sent < most:
                rest = next(chunks, b"")
            if not rest or not select.select([], [self.socket], [], 0.05)[1]:
                time.sleep(0.01)
                continue
            try:
                done = self.socket.send(rest)
            except BlockingIOError:
                continue
            except OSError:
                self.closed = True
                break
            self.sent, rest = self.sent + done, rest[done:]

    def close(self):
        self.socket.close()


def repeat(bytes_):
    while True:
        yield bytes_


def post(path, body=b"{}", fields=()):
    lines = [f"POST {path} HTTP/1.1", "Host: gateway", "Content-Type: application/json",
             f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def get(path, fields=()):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: gateway", *(f"{n}: {v}" for n, v in fields), "", ""]).encode()


def upgrade(path, fields=(), subprotocol=None):
    lines = [f"GET {path} HTTP/1.1", "Host: gateway", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13"]
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join([*lines, "", ""]).encode()


def text_frames(*messages):
    """Those messages once, then the last one for ever, many at a time."""
    *first, last = [websocket.frame(websocket.TEXT, message) for message in messages]
    yield from first
    yield from repeat(last * max(1, 16_384 // len(last)))


class WindowPeer:
    """HTTP/2 that obeys the server's windows and opens none of its own: what is answered stays there."""

    def __init__(self, address, slow=False):
        self.connection = http2.Connection(address)
        window = b"\0\4" + struct.pack(">I", 0 if not slow else 1)
        self.connection.send(http2.frame(http2.SETTINGS, 0, 0, window))
        self.slow, self.sent, self.closed = slow, 0, False
        self.whole, self.first, self.left = 65_535, 65_535, {}
        self.ended, self.statuses, self.resets = set(), {}, {}

    def open(self, path, fields, ends=False, method="POST", protocol=None):
        connection = self.connection
        stream, connection.next_stream = connection.next_stream, connection.next_stream + 2
        pseudo = [(":method", method)] + ([(":protocol", protocol)] if protocol else [])
        pseudo += [(":scheme", "http"), (":path", path), (":authority", "gateway")]
        block = connection.encoder.encode([*pseudo, *fields])
        flags = http2.END_HEADERS | (http2.END_STREAM if ends else 0)
        self.write(http2.frame(http2.HEADERS, flags, stream, block))
        self.left[stream] = self.first
        return stream

    def write(self, data):
        try:
            self.connection.send(data)
            self.sent += len(data)
        except OSError:
            self.closed = True

    def poll(self, seconds=0.0):
        """Takes what comes within that time: windows, statuses, ends."""
        end = time.monotonic() + seconds
        while not self.closed:
            left = max(end - time.monotonic(), 0)
            if not self.whole_frame() and not select.select([self.connection.socket], [], [], left)[0]:
                return
            try:
                got = self.connection.read()
            except (TimeoutError, OSError):
                got = None
            if got is None:
                self.closed = True
                return
            self.take(*got)

    def whole_frame(self):
        rest = self.connection.rest
        return len(rest) >= 9 and len(rest) >= 9 + int.from_bytes(rest[:3], "big")

    def take(self, kind, flags, stream, payload):
        if kind == http2.SETTINGS:
            for at in range(0, len(payload), 6):
                if payload[at:at + 2] == b"\0\4":
                    more = struct.unpack(">I", payload[at + 2:at + 6])[0] - self.first
                    self.first += more
                    self.left = {of: window + more for of, window in self.left.items()}
        elif kind == http2.WINDOW_UPDATE and stream == 0:
            self.whole += struct.unpack(">I", payload)[0]
        elif kind == http2.WINDOW_UPDATE and stream in self.left:
            self.left[stream] += struct.unpack(">I", payload)[0]
        elif kind == http2.HEADERS:
            with contextlib.suppress(hpack.HPACKError):
                fields = dict(self.connection.decoder.decode(payload))
                self.statuses.setdefault(stream, fields)
        elif kind == http2.RST_STREAM:
            self.resets[stream] = int.from_bytes(payload, "big")
        if kind == http2.RST_STREAM or (kind in (http2.HEADERS, http2.DATA) and flags & http2.END_STREAM):
            self.ended.add(stream)
            self.left.pop(stream, None)

    def feed(self, stream, chunks, seconds, most):
        """Sends DATA on one stream, as the server's windows allow."""
        end, next_byte, rest = time.monotonic() + seconds, time.monotonic() + 1, b""
        while (now := time.monotonic()) < end and not self.closed and stream in self.left:
            self.poll()
            if self.slow and now >= next_byte:
                next_byte += 1
                one = struct.pack(">I", 1)
                self.write(http2.frame(http2.WINDOW_UPDATE, 0, stream, one))
            if not rest and self.sent < most:
                rest = next(chunks, b"")
            size = min(len(rest), 16_384, self.whole, self.left.get(stream, 0))
            if size <= 0:
                self.poll(0.02)
                continue
            self.write(http2.frame(http2.DATA, 0, stream, rest[:size]))
            self.whole -= size
            if stream in self.left:
                self.left[stream] -= size
            rest = rest[size:]

    def close(self):
        self.connection.close()
