"""hawser.v1 over gRPC, with the official Python client. docs/grpc.md is the contract."""
import hashlib
import json
import queue
import random
import signal
import struct
import threading
import time
import zlib

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from support.grpc import contract
from support.http import request
from support.programs import Gateway
from support.unread import WindowPeer

KEY = "hk-test-0123456789"
HASH = "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()
pb, rpc = contract()


def serving(folder, sim, **config):
    return Gateway(folder, listen=[{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0", "grpc": True}],
                   providers={"sim": sim.provider()}, **config)


@pytest.fixture
def gateway(sim, tmp_path):
    with serving(tmp_path, sim, workers=2, generations={"grace_unannounced": "20s"}) as running:
        yield running


def channel_to(gateway):
    # A connection of its own each time: the library shares them between channels otherwise.
    return grpc.insecure_channel(gateway.urls[1].split("//")[1], options=[
        ("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", 64 << 20)])


def address_of(gateway):
    host, port = gateway.urls[1].split("//")[1].rsplit(":", 1)
    return host, int(port)


@pytest.fixture
def stub(gateway):
    with channel_to(gateway) as channel:
        yield rpc.LlmStub(channel)


def asking(events, **more):
    return pb.GenerateRequest(model="m", max_tokens=events + 10,
                              messages=[pb.Message(role="user", content=f"count: {events}")], **more)


def counted(events):
    return " ".join(str(number) for number in range(1, events + 1))


def text_of(events):
    return "".join(event.text.text for event in events)


def test_whole_answers(stub):
    answer = stub.Generate(asking(5), timeout=5)
    assert answer.text == counted(5) and answer.finish_reason == "stop" and answer.usage.output_tokens > 0
    assert json.loads(answer.raw_json)["choices"][0]["message"]["content"] == counted(5)


def test_streams(stub):
    events = list(stub.StreamGenerate(asking(20), timeout=5))
    assert text_of(events) == counted(20)
    assert [event.seq for event in events] == list(range(len(events)))
    kinds = [event.WhichOneof("kind") for event in events]
    assert kinds[0] == "started" and "done" in kinds and "usage" in kinds
    assert events[0].generation.startswith("g-") and events[-1].raw == b"[DONE]"


def test_events_are_those_of_sse(gateway, stub, sim):
    """Bit for bit: each event's raw bytes are the data that SSE has."""
    events = list(stub.StreamGenerate(asking(30), timeout=5))
    status, _, body = request(gateway.address, "GET", f"/v1/generations/{events[0].generation}/events")
    assert status == 200
    assert [line[6:] for line in body.splitlines() if line.startswith(b"data: ")] == [event.raw for event in events]


@pytest.mark.parametrize("dialect,body", [
    ("", {"model": "m", "messages": [{"role": "user", "content": "count: 4"}], "unknown_member": {"kept": [1, 2.50]}}),
    ("openai.responses", {"model": "m", "input": "count: 4"})])
def test_the_providers_own_form(stub, sim, dialect, body):
    request_ = pb.GenerateRequest(raw_json=json.dumps(body).encode(), raw_dialect=dialect)
    assert text_of(stub.StreamGenerate(request_, timeout=5)) == counted(4)
    assert stub.Generate(request_, timeout=5).text == counted(4)


def test_typed_fields_reach_the_provider(stub, sim):
    request_ = asking(2, temperature=0, top_p=0.5, seed=7, stop=["x"], user="u")
    request_.tools.add(name="look", description="d").parameters.update({"type": "object"})
    request_.extra.update({"logit_bias": {"1": 2}})
    request_.messages.add(role="tool", content="result", tool_call_id="c1")
    stub.Generate(request_, timeout=5)
    sent = json.loads(sim.journal()[-1]["body"]) if "body" in sim.journal()[-1] else None
    if sent is not None:
        assert sent["temperature"] == 0 and sent["seed"] == 7 and sent["logit_bias"] == {"1": 2}


def test_embeddings_and_models(stub):
    answer = stub.Embed(pb.EmbedRequest(model="m", inputs=["a", "b"]), timeout=5)
    assert len(answer.vectors) == 2 and len(answer.vectors[0].values) > 4
    assert "sim-small" in stub.ListModels(pb.ListModelsRequest(), timeout=5).models


def test_errors_are_statuses(gateway, stub, sim, tmp_path_factory):
    def refused(call, *arguments, **more):
        with pytest.raises(grpc.RpcError) as error:
            result = call(*arguments, timeout=5, **more)
            list(result) if hasattr(result, "__iter__") else result
        return error.value

    assert refused(stub.Generate, pb.GenerateRequest()).code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused(stub.Generate, pb.GenerateRequest(raw_json=b"[")).code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused(stub.Generate, asking(1, raw_json=b"{}", raw_dialect="x")).code() == grpc.StatusCode.INVALID_ARGUMENT
    for fault, code in (("status:429:retry-after=3", "RESOURCE_EXHAUSTED"), ("status:401", "UNAUTHENTICATED"),
                        ("status:400", "INVALID_ARGUMENT"), ("status:404", "NOT_FOUND")):
        error = refused(stub.StreamGenerate, asking(1), metadata=[("x-sim-fault", fault)])
        assert error.code().name in (code, "UNAVAILABLE" if fault == "status:401" else code), fault
        if "429" in fault:
            details = dict(error.trailing_metadata())["grpc-status-details-bin"]
            assert b"google.rpc.RetryInfo" in details
    assert refused(stub.Resume, pb.ResumeRequest(generation="g-00" + "0" * 26)).code() == grpc.StatusCode.NOT_FOUND
    unknown = grpc.insecure_channel(gateway.urls[1].split("//")[1]).unary_unary("/hawser.v1.Llm/Nothing")
    assert refused(unknown, b"").code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_broken_stream_ends_with_an_error_event_and_a_status(stub):
    events = []
    with pytest.raises(grpc.RpcError) as error:
        for event in stub.StreamGenerate(asking(20), timeout=5, metadata=[("x-sim-fault", "reset:after-events=5")]):
            events.append(event)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert events[-1].error.code == "connection" and len(events) == 6


def test_keys(sim, tmp_path):
    with serving(tmp_path, sim, keys=[{"name": "alice", "hash": HASH}]) as gateway, channel_to(gateway) as channel:
        stub = rpc.LlmStub(channel)
        assert stub.Generate(asking(2), timeout=5, metadata=[("authorization", f"Bearer {KEY}")]).text == counted(2)
        for metadata in ([], [("authorization", "Bearer wrong")]):
            with pytest.raises(grpc.RpcError) as error:
                stub.Generate(asking(2), timeout=5, metadata=metadata)
            assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_deadlines_propagate(stub, sim):
    with pytest.raises(grpc.RpcError) as error:
        list(stub.StreamGenerate(asking(500), timeout=0.3, metadata=[("x-sim-interval-ms", "20")]))
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert sim.settled(lambda journal: journal[0]["outcome"] == "client_closed")[0]["outcome"] == "client_closed"


def test_cancel(stub, sim):
    call = stub.StreamGenerate(asking(500), timeout=20, metadata=[("x-sim-interval-ms", "20")])
    generation = next(call).generation
    begun = time.monotonic()
    assert stub.Cancel(pb.CancelRequest(generation=generation), timeout=5).state == "cancelled"
    assert sim.settled(lambda journal: journal[0]["outcome"] == "client_closed")[0]["outcome"] == "client_closed"
    assert time.monotonic() - begun < 1
    with pytest.raises(grpc.RpcError) as error:
        list(call)
    assert error.value.code() == grpc.StatusCode.CANCELLED


def test_the_clients_own_cancel_reaches_the_provider(stub, sim):
    call = stub.StreamGenerate(asking(500), timeout=20, metadata=[("x-sim-interval-ms", "20")])
    next(call)
    call.cancel()
    assert sim.settled(lambda journal: journal[0]["outcome"] == "client_closed")[0]["outcome"] == "client_closed"


def test_resume_after_lost_connections(gateway, sim, everything):
    from support.faults import BrokenPath
    host, port = gateway.urls[1].split("//")[1].rsplit(":", 1)
    count = 100 if everything else 10
    resumes = 0
    with BrokenPath((host, int(port)), 1, mean=20_000, outage=0.02, seed=3) as path:
        for number in range(count):
            events, generation = [], None
            while not events or events[-1].raw != b"[DONE]":
                with grpc.insecure_channel(f"127.0.0.1:{path.ports[0]}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                    stub = rpc.LlmStub(channel)
                    try:
                        if generation is None:
                            call = stub.StreamGenerate(asking(100, idempotency_key=f"k{number}"), timeout=20,
                                                       metadata=[("x-sim-interval-ms", "1")])
                        else:
                            resumes += 1
                            ask = pb.ResumeRequest(generation=generation, after_epoch=1)
                            if events:
                                ask.after_seq = events[-1].seq
                            call = stub.Resume(ask, timeout=20)
                        for event in call:
                            generation = event.generation or generation
                            events.append(event)
                    except grpc.RpcError as error:
                        assert error.code() == grpc.StatusCode.UNAVAILABLE, error
            assert [event.seq for event in events] == list(range(len(events))), "nothing twice, nothing missing"
            assert text_of(events) == counted(100)
    assert resumes > count / 4 and len(sim.journal()) == count, "one call at the provider each"


def test_started_over_grpc_taken_up_over_sse(gateway, stub, sim):
    call = stub.StreamGenerate(asking(60), timeout=20, metadata=[("x-sim-interval-ms", "5")])
    got = [next(call) for _ in range(10)]
    status, _, body = request(gateway.address, "GET", f"/v1/generations/{got[0].generation}/events?after=1.{got[-1].seq}")
    rest = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")]
    assert text_of(got) + "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in rest if chunk["choices"]) \
        == counted(60)
    assert len(sim.journal()) == 1
    call.cancel()


def test_tunnel(stub, sim):
    frames = queue.Queue()
    answers = stub.Tunnel(iter(frames.get, None), timeout=20)
    for name in "abc":
        frames.put(pb.ClientFrame(id=name, generate=asking(20, headers={"x-sim-interval-ms": "5"}, user=name)))
    frames.put(pb.ClientFrame(id="endless", generate=asking(2000, headers={"x-sim-interval-ms": "20"})))
    frames.put(pb.ClientFrame(id="bad", generate=pb.GenerateRequest()))
    events, ended = {}, {}
    for frame in answers:
        kind = frame.WhichOneof("frame")
        if kind == "event":
            events.setdefault(frame.id, []).append(frame.event)
        else:
            ended[frame.id] = kind
        if set("abc") <= set(ended) and "endless" not in ended:
            frames.put(pb.ClientFrame(id="endless", cancel=pb.CancelRequest()))
        if len(ended) == 5:
            frames.put(None)
    assert all(text_of(events[name]) == counted(20) for name in "abc")
    assert ended == {"a": "end", "b": "end", "c": "end", "bad": "error", "endless": "error"}
    assert sim.settled(lambda journal: all(entry["outcome"] != "running" for entry in journal))


def test_health(gateway):
    with channel_to(gateway) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        serving_ = health_pb2.HealthCheckResponse.SERVING
        for service in ("", "hawser.v1.Llm"):
            assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status == serving_
        with pytest.raises(grpc.RpcError) as error:
            stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=5)
        assert error.value.code() == grpc.StatusCode.NOT_FOUND
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=10)
        assert next(watch).status == serving_
        gateway.process.send_signal(signal.SIGTERM)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_reflection(sim, tmp_path):
    with serving(tmp_path, sim, grpc={"reflection": True}) as gateway, channel_to(gateway) as channel:
        known = ProtoReflectionDescriptorDatabase(channel)
        assert "hawser.v1.Llm" in known.get_services()
        file = known.FindFileContainingSymbol("hawser.v1.Llm")
        assert {method.name for service in file.service for method in service.method} >= {"Generate", "Resume", "Tunnel"}


def test_reflection_is_off_unless_asked_for(gateway):
    with channel_to(gateway) as channel, pytest.raises(grpc.RpcError) as error:
        ProtoReflectionDescriptorDatabase(channel).get_services()
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_packed_messages(gateway, sim):
    """gzip and deflate are read; of another coding the client is told which are."""
    with channel_to(gateway) as channel:
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate, grpc.Compression.NoCompression):
            answer = rpc.LlmStub(channel).Generate(asking(2, user="u" * 2_000), timeout=5, compression=compression)
            assert answer.text == counted(2)
    assert {json.loads(entry["body"])["user"] for entry in sim.journal()} == {"u" * 2_000}
    message = asking(2).SerializeToString()
    small = zlib.compress(b"u" * 50_000_000, 9, wbits=31)  # a thousand times smaller than what it holds
    for coding, packed, status in (("snappy", message, "12"), ("gzip", message, "13"), ("gzip", small, "8"), ("identity", message, "12")):
        peer = WindowPeer(address_of(gateway))
        stream = peer.open("/hawser.v1.Llm/Generate", [("content-type", "application/grpc"), ("grpc-encoding", coding)])
        peer.feed(stream, iter([b"\1" + struct.pack(">I", len(packed)) + packed]), 1, 1 << 30)
        peer.poll(1)
        told = peer.statuses[stream]
        assert told["grpc-status"] == status and told["grpc-accept-encoding"] == "identity,deflate,gzip", (coding, told)
        peer.close()


def test_a_header_that_no_request_may_have(stub, sim):
    for headers in ({"x-a": "1\r\nx-b: 2"}, {"x-a": "1\0"}, {"x a": "1"}, {"x-a\0": "1"}):
        with pytest.raises(grpc.RpcError) as error:
            stub.Generate(asking(1, headers=headers), timeout=5)
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert sim.journal() == []


def test_tls(sim, tmp_path, certificates):
    certificate, key = certificates.make("front")
    listen = [{"address": "127.0.0.1:0", "grpc": True, "tls": {"certificate": str(certificate), "key": str(key)}}]
    with Gateway(tmp_path, listen=listen, providers={"sim": sim.provider()}) as gateway:
        roots = grpc.ssl_channel_credentials(certificates.root.read_bytes())
        with grpc.secure_channel(gateway.urls[0].split("//")[1].replace("127.0.0.1", "localhost"), roots) as channel:
            assert rpc.LlmStub(channel).Generate(asking(3), timeout=5).text == counted(3)


def test_drain_lets_calls_end(gateway, stub):
    call = stub.StreamGenerate(asking(60), timeout=20, metadata=[("x-sim-interval-ms", "10")])
    next(call)
    gateway.process.send_signal(signal.SIGTERM)
    assert text_of(call) == counted(60)
    assert gateway.process.wait(10) == 0


def test_a_slow_client_slows_nobody(gateway, sim):
    with channel_to(gateway) as sleepy, channel_to(gateway) as other:
        call = rpc.LlmStub(sleepy).StreamGenerate(asking(3000), timeout=60)
        next(call)
        assert text_of(rpc.LlmStub(other).StreamGenerate(asking(50), timeout=5)) == counted(50)
        sim.settled(lambda journal: all(entry["outcome"] == "complete" for entry in journal))
        call.cancel()


def test_garbage(gateway):
    import socket
    host, port = gateway.urls[1].split("//")[1].rsplit(":", 1)
    for bad in (b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 200, b"\0" * 100):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(bad)
            while True:
                try:
                    if not connection.recv(4096):
                        break
                except ConnectionResetError:
                    break
    with channel_to(gateway) as channel:
        assert rpc.LlmStub(channel).Generate(asking(2), timeout=5).text == counted(2)
