"""Which connections to a provider are used again: those whose request went out whole and whose answer came whole."""
import contextlib
import json
import signal
import threading
import time

import pytest

from support.http import chat, connect, request
from support.programs import Gateway
from support.provider import STREAM, Provider, answering, chunk, completion, delta

VICTIM = "what the victim asks"
SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nHost: provider\r\nAuthorization: Bearer mallory\r\n\r\n"


def early(answer, before_body):
    """Answers the upload before its end and keeps its connection; all else is served whole."""
    def serve(connection):
        while (head := connection.head()) is not None:
            if head[1].endswith("/files") and connection.number == 0:
                if not before_body:
                    connection.take(2000)
                answer(connection)
                connection.take(3_000_000)  # it still waits for the rest: all that comes is body
            else:
                connection.reply(completion(connection.body().decode()[:200]))
    return serve


def refuse(connection):
    connection.reply('{"error":{"message":"no"}}', "413 Content Too Large")


def unauthorized(connection):
    connection.reply('{"error":{"message":"who?"}}', "401 Unauthorized")


def succeed(connection):
    connection.reply('{"id":"file-1"}')


def continue_and_refuse(connection):
    connection.send("HTTP/1.1 100 Continue\r\n\r\n")
    refuse(connection)


EARLY = [("refused at the head", refuse, True), ("refused in the body", refuse, False),
         ("credential refused", unauthorized, True), ("accepted in the body", succeed, False),
         ("100, then refused", continue_and_refuse, False)]


@pytest.mark.parametrize("framing", ["chunked", "length"])
@pytest.mark.parametrize("name,answer,before", EARLY, ids=[case[0] for case in EARLY])
def test_an_early_answer_ends_the_connection(tmp_path, framing, name, answer, before):
    """What the attacker keeps back of a body is never joined with another client's request."""
    with Provider(early(answer, before)) as provider, \
            Gateway(tmp_path, workers=1, providers={"p": provider.config()}) as gateway:
        attacker = connect(gateway.address)
        how = "Transfer-Encoding: chunked" if framing == "chunked" else "Content-Length: 3000000"
        attacker.sendall(f"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n{how}\r\n\r\n"
                         .encode())
        part = b"x" * 40_000
        attacker.sendall(chunk(part) if framing == "chunked" else part)
        time.sleep(0.2)
        attacker.sendall(chunk(SMUGGLED) if framing == "chunked" else SMUGGLED)
        time.sleep(0.3)
        for _ in range(2):
            status, _, body = chat(gateway.address, VICTIM)
            assert status == 200 and VICTIM in body.decode()
        chats = [(connection.number, head) for connection in provider.connections for head in connection.requests
                 if "chat/completions" in head]
        assert len(chats) == 2 and all(number > 0 for number, _ in chats), "an unfinished connection was used again"
        assert VICTIM.encode() not in provider.connections[0].received
        assert not any("smuggled" in head.split("\r\n")[0] for head in provider.heads())
        attacker.close()


def test_an_upload_goes_on_behind_100_continue(tmp_path):
    """An interim answer that nobody asked for is no answer: the rest of the body follows."""
    got = []

    def serve(connection):
        while connection.head() is not None:
            connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            got.append(len(connection.body()))
            connection.reply('{"id":"file-1"}')

    with Provider(serve) as provider, Gateway(tmp_path, workers=1, providers={"p": provider.config()}) as gateway:
        client = connect(gateway.address)
        client.sendall(b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            client.sendall(chunk(b"x" * 100_000))
            time.sleep(0.05)
        client.sendall(b"0\r\n\r\n")
        assert b"200 OK" in client.recv(65536)
        client.close()
        assert got == [500_000]
        assert chat(gateway.address)[0] == 200
        assert len(provider.connections) == 1, "a connection that is whole on both sides is kept"


def test_an_upload_that_waits_goes_out_under_its_own_head(tmp_path):
    """Its client pauses behind its head; others are served by the same worker meanwhile."""
    def answer(connection, method, target, fields, body):
        connection.reply(json.dumps({"target": target, "mark": fields.get("openai-beta"), "size": len(body)}))

    with Provider(answering(answer)) as provider, \
            Gateway(tmp_path, workers=1, providers={"p": provider.config()}) as gateway:
        client = connect(gateway.address)
        client.sendall(b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                       b"OpenAI-Beta: upload\r\nTransfer-Encoding: chunked\r\n\r\n")
        time.sleep(0.3)
        for i in range(3):
            assert chat(gateway.address, headers={"OpenAI-Beta": f"chat-{i}"})[0] == 200
        client.sendall(chunk(b"x" * 1000) + b"0\r\n\r\n")
        client.settimeout(10)
        answer = b""
        while b"size" not in answer and (part := client.recv(65536)):
            answer += part
        assert json.loads(answer.split(b"\r\n\r\n", 1)[1]) == {"target": "/v1/files", "mark": "upload", "size": 1000}
        assert sum("chat/completions" in head for head in provider.heads()) == 3


def test_a_large_body_stops_where_the_provider_refuses_it(tmp_path):
    """Nobody waits for room at a provider that has answered and reads no more."""
    done = threading.Event()

    def serve(connection):
        connection.head()
        refuse(connection)
        done.wait(20)

    with Provider(serve) as provider, Gateway(tmp_path, workers=1, providers={"p": provider.config()}) as gateway:
        begun = time.monotonic()
        status, _, _ = chat(gateway.address, "x" * 20_000_000)
        done.set()
        assert status == 413 and time.monotonic() - begun < 10


def test_a_cancelled_request_ends_its_connection(tmp_path):
    """The client leaves in the middle of its upload, or of the answer."""
    def serve(connection):
        while (head := connection.head()) is not None:
            if head[1].endswith("/files"):
                connection.take(20_000_000)
            body = connection.body()
            if b"stream" in body and b"true" in body:
                connection.send(STREAM)
                with contextlib.suppress(OSError):
                    for _ in range(40):
                        connection.send(chunk(delta("word ")))
                        time.sleep(0.05)
            else:
                connection.reply()

    with Provider(serve) as provider, Gateway(tmp_path, workers=1, providers={"p": provider.config()},
                                              generations={"grace_unannounced": "1ms"}) as gateway:
        client = connect(gateway.address)
        client.sendall(b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 2_000_000)
        time.sleep(0.3)
        client.close()
        time.sleep(0.3)
        assert chat(gateway.address)[0] == 200
        assert len(provider.connections) == 2
        client = connect(gateway.address)
        body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]})
        client.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        client.recv(1000)
        client.close()
        time.sleep(0.5)
        assert chat(gateway.address)[0] == 200
        assert len(provider.connections) == 3


def test_the_loser_of_a_hedge_is_not_used_again(tmp_path):
    hang = threading.Event()

    def slow(connection):
        while connection.head() is not None:
            body = connection.body()
            if b"first" in body:
                hang.wait(10)
            connection.reply(completion("slow"))

    with Provider(slow) as one, Provider(answering(lambda c, *_: c.reply(completion("fast")))) as two:
        models = {"m": {"targets": [{"provider": "one"}, {"provider": "two"}],
                        "hedge": {"after": "100ms", "percent": 20}}}
        with Gateway(tmp_path, workers=1, providers={"one": one.config(), "two": two.config()}, models=models) as gateway:
            seen = [chat(gateway.address, text, model="m")[2] for text in ["earn"] * 8 + ["first", "again"]]
            assert any(b"fast" in body for body in seen), "the second target was asked as well"
            hang.set()
            assert all(b"slow" in body or b"fast" in body for body in seen), seen
            bodies = [connection.received for connection in one.connections]
            assert not any(b"first" in body and b"again" in body for body in bodies)


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "get", "BREW"])
def test_a_method_that_no_api_has_is_not_passed_on(gateway, sim, method):
    status, _, _ = request(gateway.address, method, "/v1/models")
    assert status == 501 and sim.journal() == []


def test_a_reload_during_a_refresh_of_the_cache(tmp_path):
    """The refresh runs on with the stages that it began with; they are there until it is over."""
    answers = []
    hold = threading.Event()

    def answer(connection, method, target, fields, body):
        answers.append(body)
        if len(answers) > 1:
            hold.wait(20)
        connection.reply(completion(f"answer {len(answers)}"))

    with Provider(answering(answer)) as provider:
        cache = {"mode": "all", "ttl": "1s", "stale_while_revalidate": "60s"}
        with Gateway(tmp_path, workers=1, providers={"p": provider.config()}, cache=cache) as gateway:
            assert chat(gateway.address, temperature=0)[0] == 200
            time.sleep(1.3)
            assert chat(gateway.address, temperature=0)[0] == 200  # stale; a refresh begins
            end = time.monotonic() + 10
            while len(answers) < 2 and time.monotonic() < end:
                time.sleep(0.02)
            assert len(answers) == 2
            for times in range(3):
                gateway.write({**gateway.config, "retry": {"attempts_max": 2 + times}})
                gateway.process.send_signal(signal.SIGHUP)
                time.sleep(0.4)
            hold.set()
            time.sleep(0.5)
            assert gateway.process.poll() is None
            assert chat(gateway.address, temperature=0)[0] == 200
            assert gateway.stop() == 0, gateway.err
