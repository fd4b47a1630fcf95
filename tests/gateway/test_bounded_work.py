"""One client's largest bodies do not hold a worker: what others wait longer for them is measured."""
import http.client
import json
import threading
import time

import pytest

from support.http import chat
from support.programs import Gateway

MOST = 8 * 1024 * 1024  # the default of limits.json_body_max
SLOWER_MAX = 0.020  # s, of the 99th percentile


def filled(begin, unit, end):
    return begin + unit * ((MOST - len(begin) - len(end)) // len(unit)) + end


CHAT = b'{"model":"m","temperature":0,"messages":[{"role":"user","content":'
BODIES = {
    "plain text": filled(CHAT + b'"', b"some words and 4111 1111 1111 1112 more, ", b'"}]}'),
    "deep": filled(CHAT + b'"x"}],"metadata_":' + b'{"a":[' * 14, b'"words", 1234, ', b"1" + b"]}" * 14 + b"}"),
    "escapes": filled(CHAT + b'"', b"\\u4f60\\n\\\"", b'"}]}'),
    "quotes": filled(CHAT + b'"x"}],"stop":[', b'"",', b'""]}'),
    "base64": filled(CHAT + b'"', b"b", b'"}]}'),
    "members": CHAT + b'"x"}],"metadata_":{' + b",".join(
        b'"%x":%d' % (i * 2654435761 % 2**32, i) for i in range(400_000)) + b"}}",
    "messages": CHAT + b'"x"}' + b',{"role":"user","content":"a b"}' * 200_000 + b"]}",
}


def percentile(times, part):
    return sorted(times)[int(len(times) * part)]


def probe(address, seconds, connections=4):
    """Latencies of small chats over kept connections, which spread over the workers."""
    times, stop = [], time.monotonic() + seconds
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "count: 1"}]})

    def ask():
        connection = http.client.HTTPConnection(*address, timeout=60)
        while time.monotonic() < stop:
            begun = time.monotonic()
            connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json",
                                                                      "Cache-Control": "no-store"})
            answer = connection.getresponse()
            assert answer.status == 200 and answer.read()
            times.append(time.monotonic() - begun)
            time.sleep(0.005)

    askers = [threading.Thread(target=ask) for _ in range(connections)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    return times


def test_others_wait_little_longer_for_the_largest_bodies(sim, tmp_path, figure):
    rules = [{"name": "cards", "detect": ["bank_card", "email"], "action": "mask", "in": "prompt"}]
    config = {"filter": {"rules": rules}, "cache": {"mode": "all", "ttl": "1m"},
              "rate_limits": [{"name": "tokens", "by": ["address"], "unit": "tokens", "rate": "1000000k/s"}]}
    worst = 0
    with Gateway(tmp_path, providers={"sim": sim.provider()}, **config) as gateway:
        chat(gateway.address)
        for name, body in BODIES.items():
            assert len(body) <= MOST
            without = percentile(probe(gateway.address, 2), 0.99)
            stop, sent, statuses = threading.Event(), [0], set()

            def attack():
                while not stop.is_set():
                    connection = http.client.HTTPConnection(*gateway.address, timeout=60)
                    try:
                        connection.request("POST", "/v1/chat/completions", body,
                                           {"Content-Type": "application/json"})
                        statuses.add(connection.getresponse().status)
                        sent[0] += 1
                    except OSError:
                        pass  # refused and closed while it was sent
                    finally:
                        connection.close()

            attacker = threading.Thread(target=attack)
            attacker.start()
            time.sleep(0.3)
            under = percentile(probe(gateway.address, 4), 0.99)
            stop.set()
            attacker.join(60)
            assert sent[0] > 0, "nothing was tried"
            worst = max(worst, under - without)
            line = (f"{name}: p99 {without * 1e3:.1f} ms alone, {under * 1e3:.1f} ms beside {sent[0]} bodies of "
                    f"{len(body) / 2**20:.1f} MiB (answered {sorted(statuses)})")
            print(line)
            figure(f"figure: {line}")
    figure(f"figure: at most {worst * 1e3:.1f} ms longer")
    assert worst <= SLOWER_MAX
