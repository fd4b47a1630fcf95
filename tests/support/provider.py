"""A provider that a test writes by hand: it sees connections and bytes, and answers what it likes."""
import json
import socket
import threading


class Connection:
    """One connection of the gateway's. `number` counts them from 0."""

    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.unread = b""
        self.received = b""
        self.requests = []  # heads, as text

    def receive(self):
        part = self.connection.recv(65536)
        self.received += part
        self.unread += part
        return part

    def head(self):
        """The next head: (method, target, fields by lower-case name); nothing at the connection's end."""
        while b"\r\n\r\n" not in self.unread:
            if not self.receive():
                return None
        head, _, self.unread = self.unread.partition(b"\r\n\r\n")
        text = head.decode("latin-1")
        self.requests.append(text)
        line, *fields = text.split("\r\n")
        method, target, _ = line.split(" ")
        self.fields = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        return method, target, self.fields

    def take(self, size):
        while len(self.unread) < size and self.receive():
            pass
        taken, self.unread = self.unread[:size], self.unread[size:]
        return taken

    def body(self):
        """The whole body of the request whose head was read."""
        if self.fields.get("transfer-encoding") != "chunked":
            return self.take(int(self.fields.get("content-length", 0)))
        body = b""
        while True:
            while b"\r\n" not in self.unread:
                if not self.receive():
                    return body
            size, _, self.unread = self.unread.partition(b"\r\n")
            body += self.take(int(size, 16))
            self.take(2)
            if int(size, 16) == 0:
                return body

    def send(self, data):
        self.connection.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self, body=None, status="200 OK", fields="", kind="application/json"):
        body = completion() if body is None else body
        body = body if isinstance(body, bytes) else body.encode()
        self.send(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode()
                  + body)

    def close(self):
        self.connection.close()


class Provider:
    """serve(connection) runs on a thread of its own for each connection; what it raises ends that connection."""

    def __init__(self, serve):
        self.serve = serve
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(accepted, len(self.connections))
            self.connections.append(connection)
            threading.Thread(target=self.run, args=(connection,), daemon=True).start()

    def run(self, connection):
        try:
            self.serve(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def config(self, **settings):
        return {"base_url": self.url, "auth": "none", **settings}

    def heads(self):
        """All heads that were read, in the order of their connections."""
        return [head for connection in self.connections for head in connection.requests]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        for connection in self.connections:
            connection.close()


def answering(answer):
    """Serves each request whole, one after the other: answer(connection, method, target, fields, body)."""
    def serve(connection):
        while (head := connection.head()) is not None:
            answer(connection, *head, connection.body())
    return serve


def completion(text="hello", prompt=10, output=5):
    return json.dumps({"id": "c-1", "object": "chat.completion", "created": 1, "model": "m",
                       "choices": [{"index": 0, "message": {"role": "assistant", "content": text},
                                    "finish_reason": "stop"}],
                       "usage": {"prompt_tokens": prompt, "completion_tokens": output,
                                 "total_tokens": prompt + output}})


def delta(text="", finish=None):
    return "data: " + json.dumps({"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                                  "choices": [{"index": 0, "delta": {"content": text} if text else {},
                                               "finish_reason": finish}]}) + "\n\n"


STREAM = ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")


def chunk(data):
    data = data if isinstance(data, bytes) else data.encode()
    return b"%x\r\n%s\r\n" % (len(data), data)
