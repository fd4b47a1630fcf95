"""The cases of the Autobahn test suite, re-told: the suite itself needs Python 2, which no current system brings.

Numbers are Autobahn's. Its echo is the tunnel's ping, whose text comes back in the pong. Binary messages (1.2, 9.2,
9.4, 9.6) are not part of the protocol: they are refused with 1003, and their decoding is in wire/websocket_test.cpp.
Extensions (12, 13) are not offered.
"""
import json
import struct
import time

import pytest

from support.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, Tunnel, WebSocket, frame

BAD_UTF8 = ["\\xce\\xba\\xe1\\xbd\\xb9\\xcf\\x83\\xce\\xbc\\xce\\xb5\\xed\\xa0\\x80\\x65\\x64\\x69\\x74\\x65\\x64",  # 6.3, 6.4
            "\\xf8\\x88\\x80\\x80\\x80", "\\xfc\\x84\\x80\\x80\\x80\\x80", "\\xf7\\xbf\\xbf\\xbf", "\\xfb\\xbf\\xbf\\xbf\\xbf",
            "\\xf4\\x90\\x80\\x80", "\\x80", "\\xbf", "\\x80\\xbf", "\\x80\\xbf\\x80", "\\x80\\xbf\\x80\\xbf\\x80\\xbf",
            "\\xfe", "\\xff", "\\xfe\\xfe\\xff\\xff", "\\xc0\\xaf", "\\xe0\\x80\\xaf", "\\xf0\\x80\\x80\\xaf", "\\xc1\\xbf",
            "\\xe0\\x9f\\xbf", "\\xf0\\x8f\\xbf\\xbf", "\\xc0\\x80", "\\xe0\\x80\\x80", "\\xf0\\x80\\x80\\x80", "\\xed\\xa0\\x80",
            "\\xed\\xad\\xbf", "\\xed\\xae\\x80", "\\xed\\xaf\\xbf", "\\xed\\xb0\\x80", "\\xed\\xbe\\x80", "\\xed\\xbf\\xbf",
            "\\xed\\xa0\\x80\\xed\\xb0\\x80", "\\xc0", "\\xe0", "\\xf0", "\\xf8", "\\xfc", "\\xe0\\x80", "\\xf0\\x80"]
BAD_UTF8 = [text.encode().decode("unicode_escape").encode("latin-1") for text in BAD_UTF8]
GOOD_UTF8 = ["", "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!", "\u03ba\u1f79\u03c3\u03bc\u03b5", "\u0080", "\u0800",
             "\U00010000", "\u007f", "\u07ff", "\uffff", "\U0010ffff", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\U0001fffe"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from support.programs import Gateway, Simulator
    with Simulator() as sim, Gateway(tmp_path_factory.mktemp("ws"), workers=1, providers={"sim": sim.provider()}) as running:
        yield running


@pytest.fixture
def tunnel(server):
    tunnel = Tunnel(server.address)
    yield tunnel
    tunnel.socket.close()


def asking(text):
    """A message whose answer holds `text` again."""
    return json.dumps({"t": "ping", "ts": text}, ensure_ascii=False).encode()


def echoed(tunnel, text):
    assert tunnel.receive_json() == {"t": "pong", "ts": text}


def alive(tunnel):
    tunnel.raw(frame(TEXT, asking("alive")))
    echoed(tunnel, "alive")


@pytest.mark.parametrize("size", [0, 125, 126, 127, 128, 65535, 65536])
@pytest.mark.parametrize("cut", [None, 997])
def test_1_1_text_messages(tunnel, size, cut):
    tunnel.raw(frame(TEXT, asking("*" * size)), cut)
    echoed(tunnel, "*" * size)


@pytest.mark.parametrize("size", [0, 125, 126, 65536])
def test_1_2_binary_messages_are_refused(tunnel, size):
    tunnel.raw(frame(BINARY, b"\xfe" * size))
    assert tunnel.close_code() == 1003


@pytest.mark.parametrize("payload", [b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125])
@pytest.mark.parametrize("cut", [None, 1])
def test_2_1_to_2_4_and_2_6_pings(tunnel, payload, cut):
    tunnel.raw(frame(PING, payload), cut)
    assert tunnel.read_frame() == (PONG, payload)


def test_2_5_ping_of_126_bytes(tunnel):
    tunnel.raw(frame(PING, b"\xfe" * 126))
    assert tunnel.close_code() == 1002


def test_2_7_to_2_9_unasked_pongs(tunnel):
    tunnel.raw(frame(PONG) + frame(PONG, b"unsolicited") + frame(PING, b"ping"))
    assert tunnel.read_frame() == (PONG, b"ping")


@pytest.mark.parametrize("cut", [None, 1])
def test_2_10_and_2_11_ten_pings(tunnel, cut):
    tunnel.raw(b"".join(frame(PING, b"payload-%d" % number) for number in range(10)), cut)
    assert [tunnel.read_frame() for _ in range(10)] == [(PONG, b"payload-%d" % number) for number in range(10)]


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
def test_3_reserved_bits(tunnel, rsv, opcode):
    tunnel.raw(frame(TEXT, asking("before")) + frame(opcode, b"", rsv=rsv) + frame(PING))
    echoed(tunnel, "before")
    assert tunnel.close_code() == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"reserved"])
def test_4_reserved_opcodes(tunnel, opcode, payload):
    tunnel.raw(frame(TEXT, asking("before")) + frame(opcode, payload) + frame(PING), None)
    echoed(tunnel, "before")
    assert tunnel.close_code() == 1002


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_5_1_and_5_2_fragmented_control_frames(tunnel, opcode):
    tunnel.raw(frame(opcode, b"frag", fin=False) + frame(CONTINUATION, b"ment"))
    assert tunnel.close_code() == 1002


@pytest.mark.parametrize("cut", [None, 1, 7])
@pytest.mark.parametrize("pieces", [2, 5, 50])
def test_5_3_to_5_8_fragments_with_pings_between(tunnel, cut, pieces):
    message = asking("fragments " * 20)
    step = len(message) // pieces + 1
    parts = [message[at:at + step] for at in range(0, len(message), step)]
    data = frame(TEXT, parts[0], fin=False)
    for number, part in enumerate(parts[1:], 1):
        data += frame(PING, b"%d" % number) + frame(CONTINUATION, part, fin=number == len(parts) - 1)
    tunnel.raw(data, cut)
    assert [tunnel.read_frame() for _ in parts[1:]] == [(PONG, b"%d" % number) for number in range(1, len(parts))]
    echoed(tunnel, "fragments " * 20)


@pytest.mark.parametrize("fin", [True, False])
def test_5_9_to_5_14_continuation_of_nothing(tunnel, fin):
    tunnel.raw(frame(CONTINUATION, b"non-continuation payload", fin=fin) + frame(TEXT, b"{}"))
    assert tunnel.close_code() == 1002


def test_5_15_to_5_17_continuation_behind_the_end(tunnel):
    message = asking("x")
    tunnel.raw(frame(TEXT, message[:5], fin=False) + frame(CONTINUATION, message[5:]) +
               frame(CONTINUATION, b"more", fin=False))
    echoed(tunnel, "x")
    assert tunnel.close_code() == 1002


def test_5_18_a_message_within_a_message(tunnel):
    tunnel.raw(frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"))
    assert tunnel.close_code() == 1002


def test_5_19_and_5_20_fragments_with_pauses(tunnel):
    message = asking("slow fragments")
    for number in range(5):
        tunnel.raw(frame(TEXT if number == 0 else CONTINUATION, message[number * 4:number * 4 + 4], fin=False))
        time.sleep(0.05)
    tunnel.raw(frame(PING, b"pong me"))
    assert tunnel.read_frame() == (PONG, b"pong me")
    tunnel.raw(frame(CONTINUATION, message[20:]))
    echoed(tunnel, "slow fragments")


@pytest.mark.parametrize("text", GOOD_UTF8)
def test_6_valid_utf8(tunnel, text):
    message = asking(text)
    tunnel.raw(frame(TEXT, message))
    echoed(tunnel, text)
    tunnel.raw(b"".join(frame(CONTINUATION if at else TEXT, message[at:at + 1], fin=at == len(message) - 1)
                        for at in range(len(message))))  # a frame for each byte
    echoed(tunnel, text)


@pytest.mark.parametrize("text", BAD_UTF8)
@pytest.mark.parametrize("split", [False, True])
def test_6_invalid_utf8(tunnel, text, split):
    if split:
        tunnel.raw(b"".join(frame(CONTINUATION if at else TEXT, text[at:at + 1], fin=at == len(text) - 1)
                            for at in range(len(text))))
    else:
        tunnel.raw(frame(TEXT, text))
    assert tunnel.close_code() == 1007


def test_6_4_is_told_before_the_end_of_the_message(tunnel):
    tunnel.raw(frame(TEXT, b"\xce\xba\xe1\xbd\xb9\xf4\x90", fin=False))
    assert tunnel.close_code() == 1007


def test_7_1_nothing_is_answered_behind_a_close(tunnel):
    tunnel.raw(frame(CLOSE, struct.pack(">H", 1000)) + frame(PING) + frame(TEXT, asking("late")))
    with pytest.raises(Closed) as closed:
        tunnel.receive()
    assert closed.value.code == 1000
    with pytest.raises((Closed, ConnectionResetError)):
        tunnel.read_frame()


@pytest.mark.parametrize("payload,code", [
    (b"", 1000), (struct.pack(">H", 1000), 1000), (struct.pack(">H", 1000) + b"Hello World!", 1000),
    (struct.pack(">H", 1000) + b"*" * 123, 1000), (b"\x03", 1002), (struct.pack(">H", 1000) + b"*" * 124, 1002),
    (struct.pack(">H", 1000) + b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80", 1007)])
def test_7_3_and_7_5_close_payloads(tunnel, payload, code):
    tunnel.raw(frame(CLOSE, payload))
    assert tunnel.close_code() == code


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
def test_7_7_valid_close_codes(tunnel, code):
    assert tunnel.close(code) == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_7_9_and_7_13_invalid_close_codes(tunnel, code):
    assert tunnel.close(code) == 1002


@pytest.mark.parametrize("size", [64 * 1024, 1 << 20, 4 << 20, (16 << 20) - 64])
@pytest.mark.parametrize("piece", [None, 64 * 1024])
def test_9_large_messages(tunnel, size, piece):
    message = asking("*" * size)
    if piece is None:
        tunnel.raw(frame(TEXT, message))
    else:
        tunnel.raw(b"".join(frame(CONTINUATION if at else TEXT, message[at:at + piece], fin=at + piece >= len(message))
                            for at in range(0, len(message), piece)))
    echoed(tunnel, "*" * size)


def test_9_too_large_a_message(tunnel):
    tunnel.raw(frame(TEXT, b"x")[:1] + b"\xff" + struct.pack(">Q", (16 << 20) + 1) + b"mask")
    assert tunnel.close_code() == 4413


def test_10_1_a_message_in_many_small_fragments(tunnel):
    message = asking("*" * 65536)
    tunnel.raw(b"".join(frame(CONTINUATION if at else TEXT, message[at:at + 1300], fin=at + 1300 >= len(message))
                        for at in range(0, len(message), 1300)))
    echoed(tunnel, "*" * 65536)


@pytest.mark.parametrize("bad", [
    frame(TEXT, b"{}", mask=b""),                                                   # not masked
    b"\x81\xfe\x00\x05" + b"mask" + b"12345",                                       # 5 in two bytes
    b"\x81\xff" + struct.pack(">Q", 5) + b"mask" + b"12345",                        # 5 in eight
    b"\x81\xff" + struct.pack(">Q", 1 << 63) + b"mask"])
def test_frames_that_no_client_sends(tunnel, bad):
    tunnel.raw(bad)
    assert tunnel.close_code() == 1002


def test_one_bad_connection_harms_no_other(server, tunnel):
    for _ in range(50):
        other = WebSocket(server.address, "/v1/tunnel")
        other.raw(b"\xff" * 100)
        assert other.close_code() == 1002
    alive(tunnel)
