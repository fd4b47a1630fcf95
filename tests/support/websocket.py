"""A WebSocket client that also sends what no client should: frame by frame."""
import base64
import json
import os
import socket
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, mask=b"\x11\x22\x33\x44", rsv=0):
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    size = len(payload)
    bit = 0x80 if mask else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    if not mask:
        return head + payload
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


class Closed(Exception):
    """The server ended the connection; `code` is None when it sent no close frame."""

    def __init__(self, code, reason=""):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class WebSocket:
    def __init__(self, address, path, headers=None, subprotocols=(), timeout=10):
        self.socket = socket.create_connection(address, timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        lines = [f"GET {path} HTTP/1.1", "Host: gateway", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Version: 13"]
        if subprotocols:
            lines.append("Sec-WebSocket-Protocol: " + ", ".join(subprotocols))
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        self.head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])

    def more(self):
        part = self.socket.recv(65536)
        if not part:
            raise Closed(None)
        self.buffer += part

    def send(self, message):
        text = message if isinstance(message, (str, bytes)) else json.dumps(message)
        self.socket.sendall(frame(TEXT, text if isinstance(text, bytes) else text.encode()))

    def raw(self, data, cut=None):
        for at in range(0, len(data), cut or len(data) or 1):
            self.socket.sendall(data[at:at + (cut or len(data))])

    def read_frame(self):
        while True:
            if len(self.buffer) >= 2:
                size, at = self.buffer[1] & 0x7f, 2
                assert not self.buffer[1] & 0x80, "a server must not mask"
                if size == 126 and len(self.buffer) >= 4:
                    size, at = struct.unpack(">H", self.buffer[2:4])[0], 4
                elif size == 127 and len(self.buffer) >= 10:
                    size, at = struct.unpack(">Q", self.buffer[2:10])[0], 10
                elif size > 125:
                    size = 1 << 62
                if len(self.buffer) >= at + size:
                    opcode, payload = self.buffer[0] & 0x0f, self.buffer[at:at + size]
                    self.buffer = self.buffer[at + size:]
                    return opcode, payload
            self.more()

    def receive(self):
        """The next text message; pings are answered, a close raises."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == TEXT:
                return payload.decode()
            if opcode == PING:
                self.raw(frame(PONG, payload))
            if opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                raise Closed(code, payload[2:].decode())

    def receive_json(self):
        return json.loads(self.receive())

    def close_code(self):
        """Reads until the server closes."""
        try:
            while True:
                self.receive()
        except Closed as closed:
            return closed.code
        except ConnectionResetError:
            return "reset"

    def close(self, code=1000):
        self.raw(frame(CLOSE, struct.pack(">H", code)))
        try:
            return self.close_code()
        finally:
            self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()


class Tunnel(WebSocket):
    """Behind its hello."""

    def __init__(self, address, headers=None, caps=("resume",), resume=(), keepalive=None, **options):
        super().__init__(address, "/v1/tunnel", headers, subprotocols=["hawser.v1+json"], **options)
        assert self.status == 101, self.head
        hello = {"t": "hello", "v": 1, "caps": list(caps)}
        if keepalive is not None:
            hello["keepalive"] = keepalive
        if resume:
            hello["resume"] = [{"gen": gen, "after": after, "id": name} for gen, after, name in resume]
        self.send(hello)
        self.welcome = self.receive_json()
        assert self.welcome["t"] == "welcome", self.welcome

    def ask(self, name, body, path="/v1/chat/completions", **more):
        self.send({"t": "req", "id": name, "p": path, "b": body, **more})

    def answer(self, name=None):
        """(head, events, last frame) of one request."""
        head, events = None, []
        while True:
            got = self.receive_json()
            if name is not None and got.get("id") != name:
                continue
            if got["t"] == "head":
                head = got
            elif got["t"] == "ev":
                events.append(got)
            elif got["t"] in ("end", "err"):
                return head, events, got
