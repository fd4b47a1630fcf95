"""What is measured, and what is asked of it."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number of a sample, and its limit for the first proxy."""
    title: str
    key: str                  # of a sample
    unit: str
    limit: float = None       # required
    goal: float = None        # wished for
    relative: bool = True     # to nginx in the same round; else as it is
    at_least: bool = False    # the limit is a lower one
    digits: int = 2


@dataclasses.dataclass(frozen=True)
class Case:
    title: str
    figures: tuple
    load: tuple = ()          # options of bench_load
    tls: bool = False
    warmup: float = 0.5
    per: str = "requests"     # what CPU time is divided by
    kind: str = "load"        # or: h2, idle, rss
    events_a_second: int = 0  # paced streams are made as long as the measurement


@dataclasses.dataclass(frozen=True)
class Bench:
    what: str
    cases: tuple
    settings: dict = dataclasses.field(default_factory=dict)  # of nginx
    peers: tuple = ("hawser", "nginx", "haproxy")
    rounds_max: int = 99


def cpu(unit, limit, goal=None):
    return Figure(f"CPU per {unit}", "cpu_us", "us", limit, goal)


KEEP_ALIVE = ("--connections", "64")
RATE = Figure("requests per second", "rate", "/s", 1.2, at_least=True, digits=0)
SHOWN_RATE = Figure("requests per second", "rate", "/s", digits=0)
SHOWN_EVENTS = Figure("events per second", "event_rate", "/s", digits=0)
P50 = Figure("latency p50", "p50_us", "us", 1.0, digits=1)
P99 = Figure("latency p99", "p99_us", "us", 1.0, digits=1)

BENCHES = {
    "json": Bench("1 KB JSON request, 744 B answer, 64 keep-alive connections, plain", (
        Case("plain", (RATE, cpu("request", 0.90, 0.80)), KEEP_ALIVE),)),
    "tls": Bench("the same over TLS 1.3 (AES-128-GCM, P-256) in front", (
        Case("TLS 1.3", (SHOWN_RATE, cpu("request", 0.95, 0.85)), KEEP_ALIVE, tls=True),)),
    "h2": Bench("the same over HTTP/2, 16 connections x 16 requests at once (h2load)", (
        Case("HTTP/2", (Figure("requests per second of a core", "per_core", "/s", 1.0,
                               at_least=True, digits=0), SHOWN_RATE), kind="h2"),),
        peers=("hawser", "nginx")),
    "tls-connect": Bench("a new TLS connection for each request, 32 at a time", (
        Case("resumption off", (SHOWN_RATE, cpu("request", 1.0)),
             ("--connections", "32", "--fresh", "1"), tls=True),
        Case("resumption on", (SHOWN_RATE, cpu("request", 1.0)),
             ("--connections", "32", "--fresh", "1", "--resume", "1"), tls=True))),
    "tcp-connect": Bench("a new TCP connection for each request, 32 at a time", (
        Case("plain", (SHOWN_RATE, cpu("request", 1.0)),
             ("--connections", "32", "--fresh", "1")),)),
    "streams": Bench("1,000 streams x 50 events/s of 200 B", (
        Case("paced", (SHOWN_EVENTS, cpu("event", 0.85)),
             ("--connections", "1000", "--ramp", "1"), warmup=1.5, per="events",
             events_a_second=50),), {"buffering": "off"}),
    "streams-flood": Bench("64 streams back to back, 200 B events", (
        Case("flood", (SHOWN_EVENTS, cpu("event", 1.0)),
             ("--connections", "64", "--answer", "stream events=2000"), per="events"),),
        {"buffering": "off", "buffer": "32k"}),
    "latency": Bench("what a request waits", (
        Case("one connection at a time", (P50, P99), ("--connections", "1")),
        Case("10,000 requests a second", (P50, P99),
             ("--connections", "64", "--rate", "10000"))),
        peers=("hawser", "nginx", "nginx-again", "haproxy", "direct")),
    "idle-memory": Bench("5,000 open streams that are silent", (
        Case("idle", (Figure("private memory per stream", "stream_bytes", "B", 4096, 2048,
                             relative=False, digits=0),), kind="idle"),),
        {"buffering": "off"}, rounds_max=2),
    "rss": Bench("500 requests a second, the provider answers after 1.5 s", (
        Case("waiting", (Figure("resident memory at its peak", "peak_mb", "MB", 40,
                                relative=False, digits=1),),
             ("--connections", "1000", "--rate", "500", "--answer", "json delay=1500"),
             warmup=2.0, kind="rss"),), rounds_max=2),
}
IDLE_STREAMS_FIRST = 2000  # before those that are counted
IDLE_STREAMS = 5000
