"""An embedding model as OpenAI's API has it: bags of three letters, so that it finds alike what only looks alike."""
import http.server
import json
import threading
import time
import zlib


def embedding(text, size=128):
    vector = [0.0] * size
    lowered = text.lower()
    for at in range(len(lowered) - 2):
        vector[zlib.crc32(lowered[at:at + 3].encode()) % size] += 1
    return vector if any(vector) else [1.0] + vector[1:]


def chat_answer(question, answer):
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": question["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}}


class Model:
    """A chat model that answers questions by what they mean: as `answer(text)` says."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body in one write

            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                text = question["messages"][-1]["content"]
                outer.asked.append(text)
                whole = chat_answer(question, outer.answer(text))
                if question.get("stream"):
                    chunk = {**whole, "object": "chat.completion.chunk"}
                    choice = whole["choices"][0]
                    frames = [{**chunk, "choices": [{"index": 0, "delta": choice["message"], "finish_reason": None}]},
                              {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
                    body = "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames) + "data: [DONE]\n\n"
                    kind = "text/event-stream"
                else:
                    body, kind = json.dumps(whole), "application/json"
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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Embeddings:
    def __init__(self):
        self.delay, self.status, self.asked = 0, 200, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body in one write

            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(question["input"])
                time.sleep(outer.delay)
                body = json.dumps({"object": "list", "model": question["model"], "data": [
                    {"object": "embedding", "index": 0, "embedding": embedding(question["input"])}]}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/embeddings"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def config(self, **settings):
        return {"url": self.url, "model": "small", "timeout": "2s", **settings}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
