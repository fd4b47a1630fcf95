"""Compressed request bodies: unpacked within bounds, sent on plain, refused where they cannot be read."""
import gzip
import json
import struct
import zlib

import pytest

from support.http import connect, request
from support.http2 import Connection
from support.programs import Gateway
from support.recorder import Recorder


def brotli(plain):
    """RFC 7932, stored: no encoder is needed for a valid stream."""
    out = b""
    for at in range(0, len(plain), 65536):
        piece = plain[at:at + 65536]
        bits, used = (0, 1) if at == 0 else (0, 0)  # WBITS of 16
        bits |= (len(piece) - 1) << (used + 3)  # not the last one, four nibbles of length
        bits |= 1 << (used + 19)  # stored
        out += bits.to_bytes(3, "little") + piece
    return out + b"\x03"


def zstd(plain):
    """RFC 8878, of raw blocks."""
    blocks = [plain[at:at + 100_000] for at in range(0, len(plain), 100_000)]
    out = b"\x28\xb5\x2f\xfd\x00\x58"  # a window of 2 MiB
    for at, block in enumerate(blocks):
        out += struct.pack("<I", (at == len(blocks) - 1) | len(block) << 3)[:3] + block
    return out


def zstd_bomb(blocks):
    """Each block is four bytes and gives 128 KiB of one letter."""
    return b"\x28\xb5\x2f\xfd\x00\x58" + b"".join(
        struct.pack("<I", (at == blocks - 1) | 1 << 1 | 131_072 << 3)[:3] + b"[" for at in range(blocks))


def raw_deflate(plain):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(plain) + packer.flush()


CODINGS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "br": brotli, "zstd": zstd}
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi " * 30_000}]}


@pytest.fixture
def provider():
    with Recorder() as running:
        yield running


@pytest.fixture
def gateway(provider, tmp_path):
    with Gateway(tmp_path, providers={"p": provider.provider()}, limits={"json_body_max": "1MiB"}) as running:
        yield running


def send(gateway, body, coding, path="/v1/chat/completions", **fields):
    fields = {"Content-Type": "application/json", "Content-Encoding": coding, **fields}
    return request(gateway.address, "POST", path, body, fields)


@pytest.mark.parametrize("coding", [*CODINGS, "GZIP"])
def test_json_goes_on_plain(gateway, provider, coding):
    plain = json.dumps(QUESTION).encode()
    status, _, answer = send(gateway, CODINGS[coding.lower()](plain), coding)
    assert (status, json.loads(answer)["choices"][0]["message"]["content"]) == (200, "yes")
    (_, _, fields, body), = provider.requests
    assert body == plain
    assert "content-encoding" not in fields and fields["content-length"] == str(len(plain))


def test_deflate_without_its_wrapper_is_taken_too(gateway, provider):
    plain = json.dumps(QUESTION).encode()
    assert send(gateway, raw_deflate(plain), "deflate")[0] == 200
    assert provider.requests[0][3] == plain


def test_the_model_is_known_and_mapped(provider, tmp_path):
    models = {"mine": {"targets": [{"provider": "p", "model": "theirs"}]}}
    with Gateway(tmp_path, providers={"p": provider.provider()}, models=models) as gateway:
        body = gzip.compress(json.dumps({"model": "mine", "messages": []}).encode())
        assert send(gateway, body, "gzip")[0] == 200
    assert json.loads(provider.requests[0][3])["model"] == "theirs"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_http2(gateway, provider, coding):
    plain = json.dumps({"model": "m", "messages": []}).encode()
    connection = Connection(gateway.address)
    fields = [("content-type", "application/json"), ("content-encoding", coding)]
    stream = connection.request(CODINGS[coding](plain), fields, method="POST", path="/v1/chat/completions")
    status, _, answer = connection.answer(stream)
    assert status == 200, answer
    (_, _, got, body), = provider.requests
    assert body == plain and "content-encoding" not in got
    stream = connection.request(b"x", [*fields[:1], ("content-encoding", "lzma")], method="POST",
                                path="/v1/chat/completions")
    status, got, _ = connection.answer(stream)
    assert (status, got["accept-encoding"]) == (415, "gzip, deflate, br, zstd")


def test_files_are_unpacked_while_they_pass(gateway, provider):
    lines = b"".join(b'{"custom_id": "%d"}\n' % i for i in range(200_000))  # more than a JSON body may be
    status, _, _ = send(gateway, gzip.compress(lines), "gzip", "/v1/uploads/u/parts",
                        **{"Content-Type": "application/octet-stream"})
    assert status == 200
    (_, _, fields, body), = provider.requests
    assert body == lines and "content-encoding" not in fields


def test_a_bomb_is_stopped(gateway, provider):
    """1 GiB as zstd has it: 32 KiB."""
    bombs = {"gzip": gzip.compress(b"\0" * 64_000_000), "zstd": zstd_bomb(8192),
             "deflate": zlib.compress(b"[" * 20_000_000)}
    before = gateway.memory_kib()
    for coding, bomb in bombs.items():
        status, _, answer = send(gateway, bomb, coding)
        assert status == 413, (coding, answer)
        assert b"larger than 1048576 bytes" in answer or b"times its size" in answer
        if coding != "deflate":  # one that streams through, up to 512 MiB
            status, _, answer = send(gateway, bomb, coding, "/v1/uploads/u/parts",
                                     **{"Content-Type": "application/octet-stream"})
            assert (status, b"times its size" in answer) == (413, True), answer
    assert gateway.memory_kib() - before < 24 * 1024
    assert all(len(body) < 3_000_000 for _, _, _, body in provider.requests)


@pytest.mark.parametrize("coding", ["compress", "gzip, gzip", "identity, gzip", "gzip;q=1", "*", "aws-chunked"])
def test_other_codings_are_unsupported(gateway, provider, coding):
    status, fields, answer = send(gateway, gzip.compress(b"{}"), coding)
    assert status == 415
    assert fields["accept-encoding"] == "gzip, deflate, br, zstd"
    assert b"Content-Encoding" in answer
    assert not provider.requests


def test_two_fields_are_two_codings(gateway, provider):
    body = gzip.compress(gzip.compress(json.dumps(QUESTION).encode()))
    connection = connect(gateway.address)
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert connection.recv(64).startswith(b"HTTP/1.1 415")
    assert not provider.requests


def test_broken_bodies_are_the_clients_to_mend(gateway, provider):
    plain = json.dumps(QUESTION).encode()
    for coding in ("gzip", "deflate", "br", "zstd"):
        packed = CODINGS[coding](plain)
        for broken in (packed[:-3], packed[:len(packed) // 2], packed + b"x", plain, b"\0"):
            status, _, answer = send(gateway, broken, coding)
            assert status == 400, (coding, broken[:20], answer)
            assert coding.encode() in answer
    assert not provider.requests


def test_an_empty_body_and_identity(gateway, provider):
    plain = json.dumps(QUESTION).encode()
    assert send(gateway, plain, "identity")[0] == 200
    assert provider.requests[0][3] == plain
    status, _, _ = send(gateway, b"", "gzip")
    assert status == 400  # no JSON


def test_many_small_pieces_and_a_slow_client(gateway, provider):
    plain = json.dumps(QUESTION).encode()
    packed = gzip.compress(plain)
    connection = connect(gateway.address)
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
    for byte in packed:
        connection.sendall(b"1\r\n" + bytes([byte]) + b"\r\n")
    connection.sendall(b"0\r\n\r\n")
    assert connection.recv(64).startswith(b"HTTP/1.1 200")
    assert provider.requests[0][3] == plain
