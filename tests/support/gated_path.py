"""A path on which the test decides about each connection: passed on, or reset behind a chosen byte of its answer."""
import re
import socket
import threading

SILENT = -1
RESET = b"\x01\0\0\0\0\0\0\0"


class GatedPath:
    """`decide(request)` is asked with the bytes of a connection's first request head: nothing lets it pass, a number
    resets it behind so many bytes of the answer (0: at once), SILENT takes its bytes and passes none on."""

    def __init__(self, target, decide):
        self.target, self.decide = target, decide
        self.open = set()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.create_connection(self.target)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open.add(client)
        try:
            head = b""
            while b"\r\n\r\n" not in head and (part := client.recv(65536)):
                head += part
            left = self.decide(head)
            while left == SILENT and client.recv(65536):
                pass
            if left is None or left > 0:
                server.sendall(head)
                threading.Thread(target=self.pass_on, args=(client, server), daemon=True).start()
                self.answer(server, client, left)
        except OSError:
            pass
        self.open.discard(client)
        for end in (client, server):
            self.reset(end)

    def break_all(self):
        """Ends what is open."""
        for client in list(self.open):
            client.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def pass_on(client, server):
        try:
            while part := client.recv(65536):
                server.sendall(part)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    @staticmethod
    def answer(server, client, left):
        while left is None or left > 0:
            part = server.recv(65536 if left is None else left)
            if not part:
                return
            client.sendall(part)
            left = None if left is None else left - len(part)

    @staticmethod
    def reset(end):
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listening.close()


def generation_of(request):
    """The generation that a request takes up; nothing: it begins one."""
    found = re.match(rb"GET /v1/generations/([^/ ]+)/events", request)
    return found and found[1].decode()
