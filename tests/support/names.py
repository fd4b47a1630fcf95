"""A resolver that answers over HTTPS (RFC 8484) what a test wants, and counts what it was asked."""
import http.server
import ipaddress
import ssl
import struct
import threading


def read_question(message):
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    kind = struct.unpack(">H", message[at + 1:at + 3])[0]
    return ".".join(labels), kind, message[12:at + 5]


def answer_of(message, addresses, ttl):
    _, kind, question = read_question(message)
    version = {1: 4, 28: 6}.get(kind)
    records = [ipaddress.ip_address(text) for text in addresses]
    records = [address for address in records if address.version == version]
    out = struct.pack(">HHHHHH", 0, 0x8180 if addresses else 0x8183, 1, len(records), 0, 0) + question
    for address in records:
        out += struct.pack(">HHHIH", 0xC00C, kind, 1, ttl, len(address.packed)) + address.packed
    return out


class Names:
    """names: host to a list of addresses, or to a function that gives one at each question."""

    def __init__(self, certificate, names, ttl=300):
        self.names, self.ttl, self.asked, self.fails = names, ttl, [], False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                message = self.rfile.read(int(self.headers["Content-Length"]))
                host, _, _ = read_question(message)
                outer.asked.append(host)
                known = outer.names.get(host, [])
                body = answer_of(message, known() if callable(known) else known, outer.ttl)
                self.send_response(500 if outer.fails else 200)
                self.send_header("Content-Type", "application/dns-message")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, certificate))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def config(self, root):
        return {"url": f"https://doh.example:{self.port}/dns-query", "bootstrap": ["127.0.0.1"],
                "tls": {"ca_file": str(root)}}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
