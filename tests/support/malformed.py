"""Malformed inputs for sockets, the same ones for the same numbers: sound messages of each protocol, mutated."""
import base64
import gzip
import json
import random
import zlib

import hpack

from support import http2
from support.spellings import FORM, PLAIN_FORM
from support.websocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, frame

KEY = "sk-hawser-malformed"
CHAT = {"model": "small", "stream": True, "max_tokens": 5, "stream_options": {"include_usage": True}, "tools": [
    {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "number"}}}}}],
    "messages": [{"role": "user", "content": "mail a@example.com, caf\u00e9 \U0001f600"}, {"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}, {"type": "text", "text": "x"}]}]}
BODIES = [("/v1/chat/completions", CHAT), ("/v1/responses", {"model": "small", "input": [{"type": "input_file", "file_id": "f"}]}),
          ("/v1/messages", {"model": "small", "max_tokens": 3, "messages": [{"role": "user", "content": "hi"}]}),
          ("/v1/embeddings", {"model": "small", "input": ["a", [1, 2]]}), ("/v1/completions", {"model": "small", "prompt": "a"}),
          ("/v1beta/models/small:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
          ("/v1/images/generations", {"model": "small", "prompt": "a", "n": 2, "size": "1024x1024"}),
          ("/v1/batches", {"input_file_id": "file-1"}), ("/v1/vector_stores/vs_1/search", {"query": "a"})]
PATHS = [b"/v1/models", b"/v1/generations/g-1/events?after=1.5", b"/v1/responses/resp_1/input_items", b"/v1/files/file-1"]
BITS = [b"\r\n", b"\n", b"\0", b"\r", b" ", b"\t", b":", b",", b";", b"=", b'"', b"\\", b"{", b"}", b"[", b"]", b"\\u", b"\\ud800",
        b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"%00", b"%2f", b"..", b"-1", b"0", b"18446744073709551616", b"99999999999999999999",
        b"1e999", b"null", b"true", b"A" * 300, b"[" * 200, b"chunked", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 7\r\n",
        b"Content-Encoding: gzip\r\n", b"Expect: 100-continue\r\n", b"data: ", b"event: error\n", b"\n\n", b"HTTP/1.1 100\r\n\r\n",
        b"--x", b"--x--", b"0\r\n\r\n", b"ffffffffffffffff\r\n"]


def sized(data, kind, more=b"", path=b"/v1/chat/completions"):
    return (b"POST %s HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n"
            % (path, KEY.encode(), kind, more, len(data))) + data


def chunked(data, size):
    return b"".join(b"%x\r\n%s\r\n" % (len(data[at:at + size]), data[at:at + size]) for at in range(0, len(data), size)) + b"0\r\n\r\n"


def upgrade(path, protocol=None):
    more = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
    return (f"GET {path} HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Bearer {KEY}\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n").encode()


class Malformed:
    """of(number): a kind and the bytes of one input."""

    KINDS = ("heads", "chunks", "json", "forms", "packed", "h2", "websocket", "tunnel", "chats", "responses", "grpc", "answers")

    def __init__(self, seed):
        self.seed = seed

    def of(self, number):
        self.dice = random.Random(self.seed << 32 | number)
        kind = self.KINDS[number % len(self.KINDS)]
        return kind, getattr(self, kind)(number)

    # --- mutations

    def turned(self, data, most=4):
        data = bytearray(data)
        for _ in range(self.dice.randint(1, most)):
            at = self.dice.randrange(len(data) + 1)
            turn = self.dice.randrange(7)
            if turn == 0 and at < len(data):
                data[at] ^= 1 << self.dice.randrange(8)
            elif turn == 1 and at < len(data):
                data[at] = self.dice.randrange(256)
            elif turn == 2:
                del data[at:at + self.dice.choice((1, 1, 2, 4, 16, 64))]
            elif turn == 3:
                data[at:at] = self.dice.choice(BITS)
            elif turn == 4:
                begin = self.dice.randrange(len(data) + 1)
                data[at:at] = data[begin:begin + self.dice.choice((1, 4, 16, 128))]
            elif turn == 5:
                data[at:at + 1] = self.dice.choice(BITS)
            elif self.dice.randrange(4) == 0:
                del data[at:]
        return bytes(data)

    def maybe(self, data):
        return self.turned(data) if self.dice.randrange(3) else data

    # --- HTTP/1.1

    def heads(self, number):
        path, body = self.dice.choice(BODIES)
        whole = sized(json.dumps(body).encode(), b"application/json", path=path.encode())
        asked = self.dice.choice([whole, b"GET %s HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer %s\r\nLast-Event-ID: 1.4\r\n\r\n"
                                  % (self.dice.choice(PATHS), KEY.encode()), whole + whole, upgrade("/v1/tunnel")])
        end = asked.index(b"\r\n\r\n") + 4
        return self.turned(asked[:end]) + asked[end:]

    def chunks(self, number):
        data = chunked(json.dumps(CHAT).encode(), self.dice.choice((1, 7, 100, 4000)))
        return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n" % KEY.encode()) + self.turned(data)

    def json(self, number):
        path, body = self.dice.choice(BODIES)
        return sized(self.turned(json.dumps(body, ensure_ascii=self.dice.random() < 0.5).encode(), 8), b"application/json",
                     path=path.encode())

    def forms(self, number):
        path = self.dice.choice([b"/v1/audio/transcriptions", b"/v1/files", b"/v1/images/edits"])
        kind = FORM["Content-Type"].encode()
        return sized(self.turned(PLAIN_FORM, 6), kind if self.dice.randrange(4) else self.turned(kind, 2).replace(b"\n", b""),
                     path=path)

    def packed(self, number):
        data = json.dumps(CHAT).encode() * self.dice.choice((1, 1, 1, 50))
        coding, data = self.dice.choice([("gzip", gzip.compress(data, 1, mtime=0)), ("deflate", zlib.compress(data)),
                                         ("br", base64.b64decode("CweAAQIDBAUGBwM=")), ("gzip, deflate", data),
                                         ("zstd", base64.b64decode("KLUv/SQHOQAAeyJhIjoxfQ==")), ("gzip", data)])
        return sized(self.turned(data), b"application/json", f"Content-Encoding: {coding}\r\n".encode())

    # --- HTTP/2 and gRPC

    def http2_frames(self, path, kind, data):
        encoder = hpack.Encoder()
        block = encoder.encode([(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "g"),
                                ("authorization", f"Bearer {KEY}"), ("content-type", kind), ("te", "trailers")])
        frames = [http2.frame(http2.SETTINGS), http2.frame(http2.HEADERS, http2.END_HEADERS, 1, self.maybe(block)),
                  http2.frame(http2.DATA, http2.END_STREAM, 1, data)]
        more = [http2.frame(self.dice.randrange(12), self.dice.randrange(256), self.dice.randrange(4),
                            self.dice.randbytes(self.dice.choice((0, 4, 5, 6, 8, 40)))) for _ in range(self.dice.randrange(3))]
        for extra in more:
            frames.insert(self.dice.randrange(len(frames) + 1), extra)
        return frames

    def h2(self, number):
        frames = self.http2_frames("/v1/chat/completions", "application/json", json.dumps(CHAT).encode())
        return http2.PREFACE + self.maybe(b"".join(frames))

    def grpc(self, number):
        request = b"\x0a\x05small\x12\x0a\x0a\x04user\x12\x02hi\x30\x05\x5a\x0f" + b'{"model":"big"}'
        method = self.dice.choice(("StreamGenerate", "Generate", "Tunnel", "Embed", "Resume", "ListModels"))
        if method == "Tunnel":
            request = b"\x0a\x011\x12" + bytes([len(request)]) + request
        request = self.maybe(request)
        message = bytes([self.dice.choice((0, 0, 0, 1, 2))]) + len(request).to_bytes(4, "big") + request
        message = self.maybe(message * self.dice.choice((1, 1, 3)))
        frames = self.http2_frames(f"/hawser.v1.Llm/{method}", "application/grpc", message)
        return http2.PREFACE + (self.maybe(b"".join(frames)) if self.dice.randrange(3) == 0 else b"".join(frames))

    # --- WebSockets

    def frames(self, texts):
        out = []
        for text in texts:
            data = self.turned(text) if self.dice.randrange(2) else text
            cut = self.dice.randrange(len(data) + 1) if self.dice.randrange(4) == 0 else None
            opcode = self.dice.choice((TEXT, TEXT, TEXT, TEXT, BINARY, CONTINUATION))
            if cut is None:
                out.append(frame(opcode, data))
            else:
                out += [frame(opcode, data[:cut], fin=False), frame(CONTINUATION, data[cut:])]
            if self.dice.randrange(6) == 0:
                out.append(frame(self.dice.choice((PING, CLOSE, 3, 11)), self.dice.randbytes(self.dice.choice((0, 1, 2, 126))),
                                 rsv=self.dice.randrange(2)))
        raw = b"".join(out)
        return self.turned(raw) if self.dice.randrange(4) == 0 else raw

    def websocket(self, number):
        data = self.dice.randbytes(self.dice.randrange(200))
        return upgrade("/v1/chat") + self.turned(frame(TEXT, data) + frame(PING, b"x") + frame(TEXT, b'{"type":"ping"}'), 6)

    def tunnel(self, number):
        hello = {"t": "hello", "v": 1, "caps": ["resume"], "keepalive": 2000,
                 "resume": [{"gen": "g-1", "after": [1, 41], "id": "r0"}] * self.dice.randrange(3)}
        request = {"t": "req", "id": "r1", "m": "POST", "p": "/v1/chat/completions", "h": {"x-name": "1"}, "b": CHAT, "ttl": 500}
        others = [{"t": "req", "id": "r2", "p": "/v1/files", "parts": True}, {"t": "body_part", "id": "r2", "b64": "aGk=", "last": True},
                  {"t": "win", "id": "r1", "add": 1 << 40}, {"t": "win", "add": -5}, {"t": "cancel", "id": "r1", "mode": "discard"},
                  {"t": "ack", "id": "r1", "q": 3}, {"t": "ping"}, {"t": "x-own"}, {"t": "hello", "v": 1}, request]
        said = [hello, request, *self.dice.choices(others, k=self.dice.randrange(5))]
        return upgrade("/v1/tunnel", "hawser.v1+json") + self.frames([json.dumps(text).encode() for text in said])

    def chats(self, number):
        texts = [json.dumps(CHAT).encode(), b'{"type":"ping"}', b'{"type":"cancel"}']
        return upgrade("/v1/chat") + self.frames(self.dice.choices(texts, k=3))

    def responses(self, number):
        create = {"type": "response.create", "model": "small", "input": "hi", "store": False, "stream_id": "l1"}
        texts = [create, {**create, "generate": False}, {**create, "previous_response_id": "resp_1", "input": [{"a": 1}]},
                 {"type": "response.cancel", "stream_id": "l1"}]
        return upgrade("/v1/responses") + self.frames([json.dumps(text).encode() for text in self.dice.choices(texts, k=4)])

    # --- providers

    def answers(self, number):
        """A sound request; its number says which malformed answer the provider gives."""
        path, body = self.dice.choice(BODIES[:7])
        if "messages" in body or "input" in body or "prompt" in body:
            body = {**body, "stream": self.dice.random() < 0.7}
        return sized(json.dumps(body).encode(), b"application/json", b"X-Name: %d\r\n" % number, path.encode())


USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 1}}
CHUNKS = [{"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant"}}]},
          {"id": "c", "choices": [{"index": 0, "delta": {"content": "mail b@example.com \u00e9", "tool_calls": [
              {"index": 0, "id": "t", "function": {"name": "f", "arguments": "{\"a\":"}}]}, "finish_reason": None}]},
          {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"id": "c", "choices": [], "usage": USAGE}]
RESPONSE = {"id": "resp_9", "object": "response", "status": "completed", "output": [{"id": "msg_1", "type": "message", "content": [
    {"type": "output_text", "text": "hi"}]}], "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}
EVENTS = [("response.created", {"response": {"id": "resp_9", "object": "response", "status": "in_progress"}, "sequence_number": 0}),
          ("response.output_text.delta", {"delta": "hi", "item_id": "msg_1", "sequence_number": 1, "output_index": 0}),
          ("response.completed", {"response": RESPONSE, "sequence_number": 2})]
MESSAGE = [("message_start", {"message": {"id": "msg", "type": "message", "role": "assistant", "content": [],
                                          "usage": {"input_tokens": 3, "output_tokens": 1}}}),
           ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
           ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "hi"}}),
           ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}}), ("message_stop", {})]


class MalformedAnswers(Malformed):
    """answer(number, path, streamed): the bytes that a provider writes."""

    def stream(self, path):
        if path.endswith("/responses"):
            events = [f"event: {name}\ndata: {json.dumps({'type': name, **event})}\n\n" for name, event in EVENTS]
        elif path.endswith("/messages"):
            events = [f"event: {name}\ndata: {json.dumps({'type': name, **event})}\n\n" for name, event in MESSAGE]
        else:
            events = [f"data: {json.dumps(event)}\n\n" for event in CHUNKS] + ["data: [DONE]\n\n"]
        if self.dice.randrange(6) == 0:
            events.insert(self.dice.randrange(4), self.dice.choice(
                ['event: error\ndata: {"error":{"message":"no","type":"server_error"}}\n\n', ": ping\n\n", "\r\r", "id: 5\nretry: 1\n\n"]))
        return "".join(events).encode()

    def plain(self, path):
        if path.endswith("/responses"):
            return json.dumps(RESPONSE).encode()
        return json.dumps({"id": "c", "object": "chat.completion", "model": "m", "usage": USAGE, "data": [{"embedding": [0.5]}],
                           "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}]}).encode()

    def answer(self, number, path, streamed):
        self.dice = random.Random(self.seed << 33 | number)
        body = self.stream(path) if streamed else self.plain(path)
        body = self.maybe(body)
        kind = b"text/event-stream" if streamed else b"application/json"
        more = b""
        if self.dice.randrange(8) == 0:
            more, body = b"Content-Encoding: gzip\r\n", self.maybe(gzip.compress(body, 1, mtime=0))
        status = self.dice.choice([b"200 OK"] * 6 + [b"429 Slow", b"500 No", b"401 No", b"204 No", b"103 Early"])
        if self.dice.randrange(2):
            head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\n%sTransfer-Encoding: chunked\r\n\r\n" % (status, kind, more)
            body = self.maybe(chunked(body, self.dice.choice((3, 50, 5000)))) if self.dice.randrange(2) else chunked(body, 50)
        else:
            head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n" % (
                status, kind, more, len(body) + self.dice.choice((0, 0, 0, 5, -3)))
        return (self.turned(head) if self.dice.randrange(3) == 0 else head) + body
