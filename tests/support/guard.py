"""A guard as a test wants it: judges texts over HTTP and remembers what it was asked."""
import http.server
import json
import threading
import time


class Guard:
    """judge: text to (allow, reason). Settings may be changed while it runs."""

    def __init__(self, judge=lambda text: (True, ""), form="json"):
        self.judge, self.form = judge, form
        self.delay, self.status, self.raw, self.die = 0, 200, None, False
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(question)
                time.sleep(outer.delay)
                body = outer.raw if outer.raw is not None else outer.answer(question)
                self.send_response(outer.status)
                if outer.status in (302, 307):
                    self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", str(len(body) + (10 if outer.die else 0)))
                self.end_headers()
                self.wfile.write(body)
                if outer.die:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/judge"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, question):
        if self.form == "json":
            allow, reason = self.judge(question["text"])
            return json.dumps({"allow": allow, "reason": reason}).encode()
        allow, reason = self.judge(question["input"])
        return json.dumps({"id": "modr-1", "model": question.get("model", "m"), "results": [
            {"flagged": not allow, "categories": {"hate": False, reason or "violence": not allow},
             "category_scores": {"hate": 0.1, "violence": 0.4 if allow else 0.9}}]}).encode()

    def texts(self):
        return [question.get("text", question.get("input")) for question in self.asked]

    def config(self, name="guard", **settings):
        return {"name": name, "url": self.url, "form": self.form, "on_timeout": "closed", "deadline": "2s", **settings}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
