"""A provider of Anthropic's Messages that says again what it was told: in thought, in words and to a tool."""
import http.server
import json
import threading


def frames(text, size):
    """The events of such an answer, its texts cut every `size` characters."""
    yield {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                                                "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}}
    blocks = [({"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking", text),
              ({"type": "text", "text": ""}, "text_delta", "text", text),
              ({"type": "tool_use", "id": "toolu_1", "name": "send", "input": {}}, "input_json_delta", "partial_json",
               json.dumps({"to": text}))]
    for index, (block, kind, member, whole) in enumerate(blocks):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        for at in range(0, len(whole), size):
            yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, member: whole[at:at + size]}}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 30}}
    yield {"type": "message_stop"}


def whole_answer(text):
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
            "content": [{"type": "thinking", "thinking": text, "signature": "s"}, {"type": "text", "text": text},
                        {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"to": text}}],
            "usage": {"input_tokens": 9, "output_tokens": 30}}


class Messages:
    def __init__(self, cut=5):
        self.bodies = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16

            def do_POST(self):
                sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.bodies.append(sent)
                asked = json.loads(sent)
                text = asked["messages"][-1]["content"]
                text = text if isinstance(text, str) else "".join(part.get("text", "") for part in text)
                if asked.get("stream"):
                    body = "".join(f"event: {frame['type']}\ndata: {json.dumps(frame)}\n\n" for frame in frames(text, cut))
                    kind = "text/event-stream"
                else:
                    body, kind = json.dumps(whole_answer(text)), "application/json"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def provider(self):
        return {"base_url": self.url, "auth": "none"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
