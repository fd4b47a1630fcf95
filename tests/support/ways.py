"""The ways by which a client asks a gateway: each transport and protocol, on connections that are kept."""
import base64
import contextlib
import http.client
import json
import socket
import subprocess

import grpc

from support.grpc import contract
from support.http2 import Connection
from support.programs import CLEAN, HAWSER, Gateway
from support.websocket import Closed, Tunnel, WebSocket

# docs/grpc.md, from HTTP's statuses.
STATUS_OF = {"OK": 200, "INVALID_ARGUMENT": 400, "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404,
             "RESOURCE_EXHAUSTED": 429, "FAILED_PRECONDITION": 451, "UNAVAILABLE": 503, "UNIMPLEMENTED": 501,
             "DEADLINE_EXCEEDED": 504, "CANCELLED": 499, "INTERNAL": 500, "UNKNOWN": 500}


class Way:
    """send(asked): the HTTP status of the answer; 0 where the connection ended instead."""

    def __init__(self, address, key=None):
        self.address, self.key, self.connection = address, key, None

    def can(self, asked):
        """Whether that request can be written this way at all."""
        return True

    def send(self, asked):
        for _ in range(2):  # a kept connection may have been closed behind the request before
            fresh = self.connection is None
            try:
                if fresh:
                    self.connection = self.open()
                return self.ask(asked)
            except (OSError, Closed, http.client.HTTPException, AssertionError):
                self.close()
                if fresh:
                    return 0
        return 0

    def close(self):
        connection, self.connection = self.connection, None
        if connection:
            with contextlib.suppress(OSError):
                getattr(connection, "socket", connection).close()

    def end(self):
        """Ends what the way itself started."""

    def fields(self, asked):
        return {**asked.fields, **({"Authorization": f"Bearer {self.key}"} if self.key else {})}


class Http1(Way):
    def open(self):
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(self, asked):
        self.connection.request(asked.method, asked.path, body=asked.body, headers=self.fields(asked))
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


class Http2(Way):
    def open(self):
        return Connection(self.address)

    def ask(self, asked):
        fields = [(name.lower(), value) for name, value in self.fields(asked).items()]
        stream = self.connection.request(asked.body, fields, method=asked.method, path=asked.path)
        status, reset, _ = self.connection.answer(stream)
        if status is None and reset is None:
            raise ConnectionResetError("the connection ended")
        return status or 0


class WebSocketTunnel(Way):
    """Any request, in frames of hawser.v1+json."""

    def open(self):
        self.asked = 0
        return Tunnel(self.address, {"Authorization": f"Bearer {self.key}"} if self.key else None)

    def ask(self, asked):
        self.asked += 1
        more = {"h": {name: value for name, value in asked.fields.items()}, "m": asked.method}
        frame = {"t": "req", "id": f"r{self.asked}", "p": asked.path, **more}
        body = asked.body or b""
        if self.asked % 3 == 1 or not body:
            self.connection.send({**frame, "b64": base64.b64encode(body).decode()} if body else frame)
        elif self.asked % 3 == 2:
            self.connection.send({**frame, "parts": True})
            for at in range(0, len(body), 40_000):
                self.connection.send({"t": "body_part", "id": frame["id"], "last": at + 40_000 >= len(body),
                                      "b64": base64.b64encode(body[at:at + 40_000]).decode()})
        else:  # the body as a part of the frame, where it can be one
            text = json.dumps(frame)[:-1].encode() + b', "b": ' + body + b"}"
            try:
                json.loads(text)
                text.decode()
            except ValueError:
                text = json.dumps({**frame, "b64": base64.b64encode(body).decode()}).encode()
            self.connection.send(text)
        head, _, last = self.connection.answer(frame["id"])
        status = head["s"] if head else last["s"]
        if self.asked >= 400:  # long before its credit ends
            self.close()
        return status


class Chats(Way):
    """/v1/chat: a message is the body of a chat."""

    def can(self, asked):
        return asked.operation.startswith("chat") and asked.turned in ("", "body") and \
            "Content-Encoding" not in asked.fields

    def open(self):
        return WebSocket(self.address, "/v1/chat", {"Authorization": f"Bearer {self.key}"} if self.key else None)

    def ask(self, asked):
        if self.connection.status != 101:
            status = self.connection.status
            self.close()
            return status
        self.connection.send(asked.body)
        while (message := self.connection.receive()) != "[DONE]":
            answer = json.loads(message)
            if "error" in answer:
                return STATUS_BY_TYPE.get(answer["error"].get("type"), 400)
            if answer.get("object") == "chat.completion":
                break
        return 200


STATUS_BY_TYPE = {"authentication_error": 401, "permission_error": 403, "not_found_error": 404, "rate_limit_error": 429,
                  "server_error": 503}


class Responses(Way):
    """/v1/responses: a message is response.create with the body of a response."""

    def can(self, asked):
        return asked.operation.startswith("responses") and asked.turned in ("", "body") and \
            "Content-Encoding" not in asked.fields

    def open(self):
        return WebSocket(self.address, "/v1/responses", {"Authorization": f"Bearer {self.key}"} if self.key else None)

    def ask(self, asked):
        if self.connection.status != 101:
            status = self.connection.status
            self.close()
            return status
        at = asked.body.find(b"{") + 1
        self.connection.send(asked.body[:at] + b'"type":"response.create",' + asked.body[at:])
        while True:
            event = self.connection.receive_json()
            if event["type"] == "error":
                return event["status"]
            if event["type"] in ("response.completed", "response.failed"):
                return 200


class Grpc(Way):
    DIALECTS = {"chat": "openai.chat", "responses": "openai.responses", "messages": "anthropic.messages"}

    def can(self, asked):
        if asked.operation == "list_models":
            return not asked.turned
        if asked.operation == "embeddings":
            return asked.name == "plain"
        name = asked.operation.removesuffix(", streamed")
        return name in self.DIALECTS and asked.turned != "path"

    def open(self):
        return grpc.insecure_channel(":".join(map(str, self.address)), options=[("grpc.use_local_subchannel_pool", 1)])

    def ask(self, asked):
        messages, services = contract()
        stub = services.LlmStub(self.connection)
        options = {"timeout": 10, "metadata": [("authorization", f"Bearer {self.key}")] if self.key else []}
        try:
            if asked.operation == "list_models":
                stub.ListModels(messages.ListModelsRequest(), **options)
            elif asked.operation == "embeddings":
                body = json.loads(asked.body)
                stub.Embed(messages.EmbedRequest(model=body["model"], inputs=body["input"]), **options)
            else:
                name, _, streamed = asked.operation.partition(", ")
                request = messages.GenerateRequest(
                    raw_json=asked.body, raw_dialect=self.DIALECTS[name],
                    headers={k: v for k, v in asked.fields.items() if asked.turned or k != "Content-Type"})
                if streamed:
                    self.read(stub.StreamGenerate(request, **options))
                else:
                    stub.Generate(request, **options)
            return 200
        except grpc.RpcError as error:
            return STATUS_OF[error.code().name]

    def read(self, events):
        for _ in events:
            pass


class GrpcTunnel(Grpc):
    """The same requests as frames of its bidirectional call."""

    def can(self, asked):
        return super().can(asked) and asked.operation not in ("list_models", "embeddings")

    def ask(self, asked):
        messages, services = contract()
        request = messages.GenerateRequest(
            raw_json=asked.body, raw_dialect=self.DIALECTS[asked.operation.partition(", ")[0]],
            headers={k: v for k, v in asked.fields.items() if asked.turned or k != "Content-Type"})
        frames = services.LlmStub(self.connection).Tunnel(
            iter([messages.ClientFrame(id="1", generate=request)]), timeout=10,
            metadata=[("authorization", f"Bearer {self.key}")] if self.key else [])
        try:
            for frame in frames:
                if frame.WhichOneof("frame") == "error":
                    return frame.error.status
                if frame.WhichOneof("frame") == "end":
                    return 200
        except grpc.RpcError as error:
            return STATUS_OF[error.code().name]
        return 0


class LocalTunnel(Http1):
    """Over the local end of `hawser tunnel`, which adds the key."""

    def __init__(self, address, key=None):
        environment = {**CLEAN, **({"HAWSER_API_KEY": key} if key else {})}
        self.program = subprocess.Popen([HAWSER, "tunnel", "--to", f"ws://127.0.0.1:{address[1]}/v1/tunnel", "--listen",
                                         "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env=environment)
        url = self.program.stdout.readline().split()[-1]
        super().__init__(("127.0.0.1", int(url.rsplit(":", 1)[1].split("/")[0])))

    def end(self):
        self.program.terminate()
        self.program.wait(10)


class Link(Http1):
    """Through another gateway, without a policy of its own."""

    def __init__(self, folder, address, key=None):
        home = folder / "near"
        home.mkdir(exist_ok=True)
        credential = {"api_key": key} if key else {"auth": "none"}
        provider = {"base_url": f"http://127.0.0.1:{address[1]}/v1", "gateway": True, **credential}
        self.gateway = Gateway(home, workers=1, node={"name": "near"}, providers={"far": provider}, retry={"attempts_max": 1})
        super().__init__(self.gateway.address)

    def end(self):
        self.gateway.__exit__()


LISTEN = [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}]


@contextlib.contextmanager
def ways_to(gateway, folder, key=None, names=()):
    """The ways of these names, or all, to a gateway that listens on LISTEN."""
    over_grpc = ("127.0.0.1", int(gateway.urls[1].rsplit(":", 1)[1]))
    makers = {"http1": lambda: Http1(gateway.address, key), "http2": lambda: Http2(gateway.address, key),
              "tunnel": lambda: WebSocketTunnel(gateway.address, key), "chats": lambda: Chats(gateway.address, key),
              "responses": lambda: Responses(gateway.address, key), "grpc": lambda: Grpc(over_grpc, key),
              "grpc tunnel": lambda: GrpcTunnel(over_grpc, key), "local tunnel": lambda: LocalTunnel(gateway.address, key),
              "link": lambda: Link(folder, gateway.address, key)}
    ways = {}
    try:
        for name in names or makers:
            ways[name] = makers[name]()
        yield ways
    finally:
        for way in ways.values():
            way.close()
            way.end()
