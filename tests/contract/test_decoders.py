"""The official SDKs' own decoders read our streams with ids and heartbeats on: comments without an empty line, never an
event without data. An hour of silence is 240 heartbeats."""
import json
import pathlib
import shutil
import socket
import subprocess
import threading
import time

import anthropic
import openai
import pytest

from support.http import connect, read_until_closed
from support.programs import Gateway

NODE = pathlib.Path(__file__).parent / "node"
SILENCES = 3       # of 3.5 s each, with a heartbeat every 40 ms
HEARTBEATS = 240   # that an hour has


@pytest.fixture
def silent(sim, tmp_path):
    """Each event comes after a long silence."""
    provider = sim.provider(headers={"x-sim-interval-ms": "3500"})
    with Gateway(tmp_path, providers={"sim": provider}, generations={"heartbeat": "20ms"}) as gateway:
        yield gateway


def counted(events):
    return " ".join(str(number) for number in range(1, events + 1))


def test_openai_python_through_an_hour_of_silence(silent):
    client = openai.OpenAI(base_url=silent.url + "/v1", api_key="none", max_retries=0)
    stream = client.chat.completions.create(model="m", stream=True, messages=[{"role": "user", "content": f"count: {SILENCES}"}])
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == counted(SILENCES)


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_openai_node_through_an_hour_of_silence(silent):
    ran = subprocess.run(["node", "decoder.mjs", silent.url + "/v1", f"count: {SILENCES}"], cwd=NODE, capture_output=True,
                         text=True, timeout=60)
    assert ran.returncode == 0 and json.loads(ran.stdout)["text"] == counted(SILENCES), ran.stderr


def test_anthropics_decoder_through_an_hour_of_silence(silent):
    from anthropic._streaming import SSEDecoder
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": f"count: {SILENCES}"}]})
    connection = connect(silent.address, timeout=60)
    connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    rest = read_until_closed(connection)[0].partition(b"\r\n\r\n")[2]
    content = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        content, rest = content + rest[:int(size, 16)], rest[int(size, 16) + 2:]
    assert content.count(b": hb ") >= HEARTBEATS and b"id: g-" in content
    events = [event for event in SSEDecoder().iter_bytes(iter([content]))]
    assert all(event.data for event in events), "no event without data"
    text = "".join(json.loads(event.data)["choices"][0]["delta"].get("content") or "" for event in events
                   if event.data.startswith("{") and json.loads(event.data)["choices"])
    assert text == counted(SILENCES) and events[-1].data == "[DONE]"


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_openai_node_with_its_own_retries_pays_once(sim, tmp_path):
    """A proxy in between resets the first connection while the answer is awaited."""
    with Gateway(tmp_path, providers={"sim": sim.provider(headers={"x-sim-latency-ms": "800"})}) as gateway:
        listener = socket.create_server(("127.0.0.1", 0))

        def pump(source, sink):
            try:
                while part := source.recv(65536):
                    sink.sendall(part)
            except OSError:
                pass

        def serve():
            for number in range(2):
                client = listener.accept()[0]
                upstream = connect(gateway.address)
                threading.Thread(target=pump, args=(client, upstream), daemon=True).start()
                if number == 0:
                    time.sleep(0.3)
                    for end in (client, upstream):
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                        end.shutdown(socket.SHUT_RDWR)
                        end.close()
                else:
                    pump(upstream, client)

        threading.Thread(target=serve, daemon=True).start()
        ran = subprocess.run(["node", "decoder.mjs", f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "count: 5"], cwd=NODE,
                             capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0 and json.loads(ran.stdout)["text"] == counted(5), ran.stderr
        assert len(sim.journal()) == 1
