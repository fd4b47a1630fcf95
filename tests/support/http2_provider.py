"""A provider that speaks HTTP/2 with prior knowledge and does what a test asks of it, frame by frame."""
import hashlib
import json
import socket
import struct
import threading
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings


class Scripted:
    """One thread a connection. A request names what is done with it: x-h2-do, see `answer`. The journal holds what was
    run: a request is in it once its body was read whole and it was not refused."""

    def __init__(self, streams_max=1000, settings=None, window=None, on_connection=None):
        self.streams_max, self.settings, self.window = streams_max, settings or {}, window
        self.on_connection = on_connection  # called with each raw socket in place of HTTP/2
        self.journal, self.connections, self.events = [], [], []
        self.refused = 0
        self.most_at_once = 0
        self.goaway_after = None  # begins to say goodbye with the Nth stream of each connection
        self.lock = threading.Lock()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = "127.0.0.1:%d" % self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def provider(self, **settings):
        return {"base_url": f"http://{self.address}/v1", "auth": "none", "http": "h2", **settings}

    def accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                one = Connection(self, connection, len(self.connections))
                self.connections.append(one)
            threading.Thread(target=one.run, daemon=True).start()

    def settled(self, want, seconds=10):
        """Whether `want()` holds in time."""
        end = time.monotonic() + seconds
        while not (got := want()) and time.monotonic() < end:
            time.sleep(0.01)
        return got

    def saw(self, kind, seconds=10):
        return self.settled(lambda: [e for _, e in list(self.events) if isinstance(e, kind)], seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listening.close()
        for one in self.connections:
            one.cut()


class Request:
    def __init__(self, stream, fields):
        self.stream, self.fields = stream, dict(fields)
        self.body = hashlib.sha256()
        self.size = 0
        self.window = None


class Connection:
    def __init__(self, provider, raw, number):
        self.provider, self.raw, self.number = provider, raw, number
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1", validate_outbound_headers=False,
                                           normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values={
            h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: provider.streams_max,
            h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 1 << 20,
            h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: provider.window or 65535, **provider.settings})
        self.lock = threading.RLock()
        self.room = threading.Condition(self.lock)
        self.requests = {}
        self.pongs = True
        self.said_goodbye = False

    def cut(self, reset=True):
        """RST or FIN. The thread that reads closes: a close here would wait for its recv()."""
        try:
            if reset:
                self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.raw.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
        except OSError:
            pass

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.raw.sendall(data)

    def run(self):
        try:
            if self.provider.on_connection:
                self.provider.on_connection(self)
                return
            with self.lock:
                self.h2.initiate_connection()
                self.flush()
            while data := self.raw.recv(65536):
                with self.lock:
                    for event in self.h2.receive_data(data):
                        self.provider.events.append((self.number, event))
                        self.see(event)
                    if self.pongs:
                        self.flush()
                    else:
                        self.h2.data_to_send()
        except Exception as error:  # of this connection only
            self.provider.events.append((self.number, error))
        finally:
            with self.lock:
                self.raw.close()
                self.requests.clear()
                self.room.notify_all()

    def see(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.begin(event)
        elif isinstance(event, h2.events.DataReceived):
            request = self.requests.get(event.stream_id)
            if request:
                request.body.update(event.data)
                request.size += len(event.data)
                if request.fields.get("x-h2-do") == "never-window":
                    return
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            if request := self.requests.get(event.stream_id):
                self.launch(request)
        elif isinstance(event, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged, h2.events.StreamReset)):
            if isinstance(event, h2.events.StreamReset):
                self.requests.pop(event.stream_id, None)
            self.room.notify_all()

    def begin(self, event):
        request = Request(event.stream_id, event.headers)
        provider, do = self.provider, request.fields.get("x-h2-do", "")
        with provider.lock:
            number = self.h2.open_inbound_streams  # as both sides count
            provider.most_at_once = max(provider.most_at_once, number)
            refuse = do.startswith("refuse:") and provider.refused < int(do.split(":")[1])
            provider.refused += refuse
        goodbye = provider.goaway_after is not None and event.stream_id > 2 * provider.goaway_after
        if goodbye:
            if not self.said_goodbye:
                self.said_goodbye = True
                self.last = event.stream_id - 2
                # h2 closes its own state on close_connection(): the frame is written by hand.
                self.raw.sendall(struct.pack(">I", 8)[1:] + b"\x07\0" + struct.pack(">III", 0, self.last, 0))
            return
        if refuse:
            self.h2.reset_stream(event.stream_id, h2.errors.ErrorCodes.REFUSED_STREAM)
            return
        self.requests[event.stream_id] = request
        if do == "early-413":
            self.h2.send_headers(event.stream_id, [(":status", "413"), ("content-type", "application/json")])
            self.h2.send_data(event.stream_id, b'{"error":{"message":"too much"}}', end_stream=True)

    def launch(self, request):
        entry = {"connection": self.number, "stream": request.stream, "fields": request.fields,
                 "sha256": request.body.hexdigest(), "size": request.size, "outcome": "open"}
        with self.provider.lock:
            self.provider.journal.append(entry)
        threading.Thread(target=self.serve, args=(request, entry), daemon=True).start()

    def serve(self, request, entry):
        try:
            answer(self, request)
            entry["outcome"] = "complete"
        except Exception as error:
            entry["outcome"] = repr(error)
        finally:
            with self.lock:
                self.requests.pop(request.stream, None)

    # --- what answers are made of

    def head(self, request, status="200", fields=(("content-type", "text/event-stream"),), end=False):
        with self.lock:
            self.h2.send_headers(request.stream, [(":status", status), *fields], end_stream=end)
            self.flush()

    def data(self, request, data, end=False):
        """As the window allows."""
        data = memoryview(data)
        while True:
            with self.lock:
                while data and self.h2.local_flow_control_window(request.stream) <= 0:
                    if request.stream not in self.requests or not self.room.wait(30):
                        raise OSError("nobody takes it")
                size = min(len(data), self.h2.max_outbound_frame_size,
                           self.h2.local_flow_control_window(request.stream) if data else 0)
                last = size == len(data)
                self.h2.send_data(request.stream, bytes(data[:size]), end_stream=end and last)
                self.flush()
            data = data[size:]
            if last:
                return

    def raw_frame(self, kind, flags, stream, payload):
        with self.lock:
            self.raw.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream)
                             + payload)

    def reset(self, request, code):
        with self.lock:
            self.h2.reset_stream(request.stream, code)
            self.flush()


def chunk(i, n):
    delta = {"role": "assistant", "content": ""} if i == 0 else {"content": f"{i} "}
    return ("data: " + json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": delta if i <= n else {}, "finish_reason": None if i <= n else "stop"}]}) + "\n\n").encode()


def stream_of(n):
    return [chunk(i, n) for i in range(n + 2)] + [b"data: [DONE]\n\n"]


PLAIN = (("content-type", "application/json"),)
ECHO = b'{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":' \
       b'{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}'


def answer(at, request):
    """What x-h2-do asks for."""
    do, *rest = request.fields.get("x-h2-do", "json").split(":")
    pace = float(request.fields.get("x-h2-pace", "0"))
    if do in ("json", "refuse"):
        at.head(request, fields=(*PLAIN, ("content-length", str(len(ECHO)))))
        at.data(request, ECHO, end=True)
    elif do == "sse":
        at.head(request)
        for event in stream_of(int(rest[0])):
            at.data(request, event)
            time.sleep(pace)
        at.data(request, b"", end=True)
    elif do == "bytes":  # so many, of unknown length
        at.head(request, fields=(("content-type", "application/octet-stream"),))
        at.data(request, bytes(int(rest[0])), end=True)
    elif do == "hints":
        at.head(request, "103", (("link", "</a>"),))
        at.head(request, "100", ())
        at.head(request, fields=PLAIN)
        at.data(request, ECHO)
        with at.lock:
            at.h2.send_headers(request.stream, [("x-checksum", "1")], end_stream=True)
            at.flush()
    elif do == "stall-head":
        time.sleep(600)
    elif do == "stall-after":
        at.head(request)
        for event in stream_of(20)[:int(rest[0])]:
            at.data(request, event)
        time.sleep(600)
    elif do == "no-pong":
        at.pongs = False
        time.sleep(600)
    elif do == "rst-head":
        at.reset(request, int(rest[0]))
    elif do == "rst-after":
        at.head(request)
        for event in stream_of(20)[:int(rest[0])]:
            at.data(request, event)
        at.reset(request, int(rest[1]))
    elif do == "cut-after":  # at a frame boundary
        at.head(request)
        for event in stream_of(20)[:int(rest[0])]:
            at.data(request, event)
        at.cut(reset=len(rest) > 1)
    elif do == "cut-head":
        at.cut()
    elif do == "short":  # shorter than its content-length
        at.head(request, fields=(*PLAIN, ("content-length", str(len(ECHO) + 5))))
        at.data(request, ECHO, end=True)
    elif do == "longer":
        at.head(request, fields=(*PLAIN, ("content-length", "5")))
        at.data(request, ECHO, end=True)
    elif do == "field":  # one that is forbidden
        at.head(request, fields=(*PLAIN, (rest[0], rest[1] if len(rest) > 1 else "x")), end=True)
    elif do == "no-status":
        with at.lock:
            block = at.h2.encoder.encode([("content-type", "text/plain")])
            at.raw_frame(1, 5, request.stream, block)
    elif do == "bad-frame":  # DATA on stream 0
        at.raw_frame(0, 0, 0, b"x")
    elif do == "switch":
        at.head(request, "101", ())
    elif do == "huge-head":
        at.head(request, fields=tuple((f"x-{i}", "v" * 4000) for i in range(60)), end=True)
    elif do == "early-413":
        pass
