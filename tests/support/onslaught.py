"""Throws numbered inputs at sockets, many at a time, and gives malformed answers as a provider."""
import collections
import contextlib
import multiprocessing
import random
import re
import selectors
import socket
import time

from support.malformed import MalformedAnswers

AT_ONCE = 64
PATIENCE = 0.25  # for an answer; the gateway is not waited for
RESET = b"\x01\0\0\0\0\0\0\0"


def provide(listening, seed):
    """A provider on one thread: one request a connection, answered by the number in its x-name, else soundly."""
    answers, picked, held = MalformedAnswers(seed), selectors.DefaultSelector(), {}
    answers.dice = random.Random(seed)
    listening.setblocking(False)
    picked.register(listening, selectors.EVENT_READ)

    def end(connection):
        picked.unregister(connection)
        held.pop(connection, None)
        connection.close()

    def read(connection):
        with contextlib.suppress(BlockingIOError):
            part = connection.recv(65536)
            if not part:
                return end(connection)
            held[connection] += part
        head, found, body = held[connection].partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not found or len(body) < (int(length[1]) if length else 0):
            return None
        path = head.split(b" ")[1].partition(b"?")[0].decode()
        number = re.search(rb"(?i)x-name: (\d+)", head)
        streamed = re.search(rb'"stream": ?true', body) is not None
        if number and int(number[1]) > 1:
            answer = answers.answer(int(number[1]), path, streamed)
        else:
            whole = answers.stream(path) if streamed else answers.plain(path)
            kind = "text/event-stream" if streamed else "application/json"
            answer = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(whole)}\r\n\r\n".encode() + whole
        with contextlib.suppress(OSError):
            connection.sendall(answer)
        return end(connection)

    while True:
        for key, _ in picked.select():
            try:
                if key.fileobj is listening:
                    accepted, _ = listening.accept()
                    accepted.setblocking(False)
                    held[accepted] = b""
                    picked.register(accepted, selectors.EVENT_READ)
                else:
                    read(key.fileobj)
            except OSError:
                if key.fileobj is not listening:
                    end(key.fileobj)


class Provider:
    """In a process of its own, so that it does not wait for who throws."""

    def __init__(self, seed):
        listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        self.process = multiprocessing.get_context("fork").Process(target=provide, args=(listening, seed), daemon=True)
        self.process.start()
        listening.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join(5)


class Onslaught:
    """addresses: by kind, or "" for all others. The last inputs are kept: one of them did it."""

    def __init__(self, inputs, addresses):
        self.inputs, self.addresses = inputs, addresses
        self.last = collections.deque(maxlen=2 * AT_ONCE)
        self.answered, self.unreached = collections.Counter(), 0
        self.picked, self.ends = selectors.DefaultSelector(), collections.OrderedDict()

    def throw(self, first, count):
        """Inputs `first` to `first + count - 1`. ConnectionRefusedError: nobody listens any more."""
        for number in range(first, first + count):
            kind, data = self.inputs.of(number)
            self.last.append((number, kind, data))
            self.begin(number, kind, data)
            while len(self.ends) >= AT_ONCE:
                self.attend()
        while self.ends:
            self.attend()

    def begin(self, number, kind, data):
        connection = socket.create_connection(self.addresses.get(kind, self.addresses[""]), timeout=5)
        connection.settimeout(1)
        with contextlib.suppress(OSError):
            connection.sendall(data)
            if number % 5:
                connection.shutdown(socket.SHUT_WR)
        if number % 7 == 0:  # gone at once, whatever it is doing
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.close()
            return
        connection.setblocking(False)
        self.picked.register(connection, selectors.EVENT_READ, kind)
        self.ends[connection] = time.monotonic() + PATIENCE

    def end(self, connection):
        self.picked.unregister(connection)
        del self.ends[connection]
        connection.close()

    def attend(self):
        for key, _ in self.picked.select(0.02):
            try:
                part = key.fileobj.recv(65536)
            except OSError:
                part = b""
            if part:
                self.answered[key.data] += 1
            else:
                self.end(key.fileobj)
        now = time.monotonic()
        while self.ends:
            connection, end = next(iter(self.ends.items()))
            if end > now:
                return
            self.end(connection)
