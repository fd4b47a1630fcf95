"""A provider that keeps what it is sent and answers each request with a small chat completion, or a stream of its API."""
import http.server
import json
import threading


def event(name, **members):
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n"


def stream_of(path):
    """A small stream as the API of that path has it."""
    if path.endswith("/responses"):
        response = {"id": "resp_made", "object": "response", "status": "completed", "output": [],
                    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}
        return event("response.created", sequence_number=0, response=response) + \
            event("response.completed", sequence_number=1, response=response)
    if path.endswith("/messages"):
        return event("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "content": [],
                                               "usage": {"input_tokens": 1, "output_tokens": 1}}) + event("message_stop")
    choice = {"index": 0, "finish_reason": "stop", "delta": {"content": "yes"}, "text": "yes"}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"


def asks_for_stream(body):
    try:
        return json.loads(body).get("stream") is True
    except (ValueError, AttributeError):
        return False


class Recorder:
    def __init__(self):
        recorder = self
        self.requests = []  # (method, path, fields by lower-case name, body)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body in one write

            def body(self):
                if self.headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("content-length", 0)))
                whole = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    whole += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return whole

            def do_POST(self):
                fields = {name.lower(): value for name, value in self.headers.items()}
                body = self.body()
                recorder.requests.append((self.command, self.path, fields, body))
                if asks_for_stream(body):
                    return self.answer(stream_of(self.path.partition("?")[0]).encode(), "text/event-stream")
                return self.answer(json.dumps({
                    "id": "chatcmpl-1", "object": "chat.completion", "model": "m",
                    "choices": [{"index": 0, "finish_reason": "stop",
                                 "message": {"role": "assistant", "content": "yes"}}],
                    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode())

            do_GET = do_DELETE = do_PUT = do_PATCH = do_POST

            def answer(self, answer, kind="application/json"):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def provider(self, **settings):
        return {"base_url": f"http://127.0.0.1:{self.server.server_address[1]}/v1", "auth": "none", **settings}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
