"""A provider whose every byte a test writes."""
import json
import socket
import threading


class Request:
    def __init__(self, line, fields, body):
        self.method, self.target = line.split(" ")[:2]
        self.fields, self.body = fields, body

    def json(self):
        return json.loads(self.body)


class Scripted:
    """`script(connection, request)` writes the answer; a true result ends the connection."""

    def __init__(self, script):
        self.script, self.seen, self.gone = script, [], threading.Event()
        self.comes = threading.Condition()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/v1"
        threading.Thread(target=self.accept, daemon=True).start()

    def provider(self, **settings):
        return {"base_url": self.url, "auth": "none", **settings}

    def asked(self, count, seconds=10):
        """Waits until it was asked so often. False: it was not."""
        with self.comes:
            return self.comes.wait_for(lambda: len(self.seen) >= count, seconds)

    def accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        held = b""
        try:
            while True:
                while b"\r\n\r\n" not in held:
                    part = connection.recv(65536)
                    if not part:
                        return
                    held += part
                head, _, held = held.partition(b"\r\n\r\n")
                line, *rest = head.decode("latin-1").split("\r\n")
                fields = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in rest)}
                length = int(fields.get("content-length", 0))
                while len(held) < length:
                    held += connection.recv(65536)
                request = Request(line, fields, held[:length])
                held = held[length:]
                with self.comes:
                    self.seen.append(request)
                    self.comes.notify_all()
                if self.script(connection, request):
                    return
        except OSError:
            self.gone.set()
        finally:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listening.close()


def chunk(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST = b"0\r\n\r\n"


def stream_head(kind="text/event-stream"):
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()


def whole(body, kind="application/json", status="200 OK"):
    data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def delta(text, finish="null", more=""):
    return (f'data: {{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":0,"delta":'
            f'{{"content":{json.dumps(text)}}},"finish_reason":{finish}}}]{more}}}\n\n')


def usage_chunk(prompt, completion, **details):
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **details}
    return "data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage}) + "\n\n"


DONE = "data: [DONE]\n\n"


def event(name, **members):
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n"
