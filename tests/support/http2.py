"""A raw HTTP/2 client: frames as bytes, with HPACK by its Python package."""
import contextlib
import json
import socket
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 2, 7, 8, 11


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class Connection:
    def __init__(self, address, timeout=10, wrap=None):
        self.socket = socket.create_connection(address, timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if wrap:
            self.socket = wrap(self.socket)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.rest = b""
        self.next_stream = 1
        self.socket.sendall(PREFACE + frame(SETTINGS))

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def head(self, fields=(), method="GET", path="/", scheme="http", authority="x"):
        pseudo = [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority)]
        return self.encoder.encode([*pseudo, *fields])

    def request(self, body=None, fields=(), **head):
        """Begins a request; returns its stream."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        block = self.head(fields, **head)
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if body is None else 0), stream, block))
        if body:
            self.send(frame(DATA, END_STREAM, stream, body))
        return stream

    def chat(self, content="count: 3", stream=True, fields=(), model="m"):
        body = json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": content}]})
        return self.request(body.encode(), [("content-type", "application/json"), *fields], method="POST",
                            path="/v1/chat/completions")

    def read(self):
        """(kind, flags, stream, payload), or None at the end."""
        while len(self.rest) < 9 or len(self.rest) < 9 + int.from_bytes(self.rest[:3], "big"):
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not part:
                return None
            self.rest += part
        size = int.from_bytes(self.rest[:3], "big")
        kind, flags = self.rest[3], self.rest[4]
        stream = int.from_bytes(self.rest[5:9], "big") & 0x7FFFFFFF
        payload, self.rest = self.rest[9:9 + size], self.rest[9 + size:]
        if kind == SETTINGS and not flags & ACK:
            with contextlib.suppress(OSError):
                self.send(frame(SETTINGS, ACK))
        return kind, flags, stream, payload

    def answer(self, stream, window=True):
        """(status, fields, body) of that stream; a status of None: it was reset."""
        fields, body = {}, b""
        while (got := self.read()) is not None:
            kind, flags, of, payload = got
            if kind == HEADERS:
                decoded = dict(self.decoder.decode(payload))
                if of == stream:
                    fields |= decoded
            if of != stream:
                continue
            if kind == RST_STREAM:
                return None, int.from_bytes(payload, "big"), body
            if kind == DATA:
                body += payload
                if window and payload:
                    more = struct.pack(">I", len(payload))
                    self.send(frame(WINDOW_UPDATE, 0, 0, more), frame(WINDOW_UPDATE, 0, stream, more))
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                return int(fields[":status"]), fields, body
        return None, None, body

    def goaway(self):
        """The error code of the GOAWAY that ends the connection; "closed" where it just ends."""
        while (got := self.read()) is not None:
            if got[0] == GOAWAY:
                return int.from_bytes(got[3][4:8], "big")
        return "closed"

    def open_window(self):
        self.send(frame(WINDOW_UPDATE, 0, 0, (2**30).to_bytes(4, "big")))

    def close(self, reset=False):
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()
