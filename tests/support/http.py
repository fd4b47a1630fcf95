"""A raw HTTP/1.1 client: what is sent and received is just bytes."""
import http.client
import json
import socket


def connect(address, timeout=10, receive_buffer=None):
    connection = socket.socket()
    connection.settimeout(timeout)
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request(address, method, path, body=None, headers=None, timeout=30):
    """One request on a connection of its own; returns (status, headers, body)."""
    connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers = {"Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def chat(address, content="count: 3", stream=False, headers=None, timeout=30, **members):
    body = {"model": "sim-large", "messages": [{"role": "user", "content": content}],
            "stream": stream, **members}
    return request(address, "POST", "/v1/chat/completions", body, headers, timeout)


def read_until_closed(connection, seconds=None):
    out = b""
    if seconds:
        connection.settimeout(seconds)
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            return out, "reset"
        except TimeoutError:
            return out, "timeout"
        if not part:
            return out, "closed"
        out += part


def events(body):
    """The data of each event of a stream."""
    return [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
