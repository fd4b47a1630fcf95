"""A slow link between two network namespaces: IP packets between two TUN devices, held for as long as light would take.

Needs root. Nothing leaves the namespaces; they, and the devices with them, go with this object.
"""
import atexit
import contextlib
import ctypes
import fcntl
import heapq
import os
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
LIBC = ctypes.CDLL(None, use_errno=True)
FIN, SYN, RST, ACK = 1, 2, 4, 16


class Forbidden(Exception):
    """The kernel, or who asks, does not allow it."""


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise Forbidden(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def enter(fd):
    if LIBC.setns(fd, CLONE_NEWNET):
        raise Forbidden(f"setns: {os.strerror(ctypes.get_errno())}")


class Link:
    """Namespaces `near` (10.77.0.1) and `far` (10.77.0.2)."""
    ADDRESSES = {"near": "10.77.0.1", "far": "10.77.0.2"}

    def __init__(self, delay):
        self.names = {side: f"hawser-{os.getpid()}-{side}" for side in self.ADDRESSES}
        self.pump = None
        atexit.register(self.close)
        self.root = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.inside_of = {}
        try:
            self.sweep()
            for side, name in self.names.items():
                ip("netns", "add", name)
                self.inside_of[side] = os.open(f"/run/netns/{name}", os.O_RDONLY)
            self.pump = subprocess.Popen([sys.executable, __file__, str(delay), *self.names.values()],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            if self.pump.stdout.readline() != "ready\n":
                raise Forbidden("no TUN device can be made")
            for side, name in self.names.items():
                ip("-n", name, "link", "set", "lo", "up")
                ip("-n", name, "address", "add", f"{self.ADDRESSES[side]}/24", "dev", "slow")
                ip("-n", name, "link", "set", "slow", "up")
        except (Forbidden, OSError) as error:
            self.close()
            raise Forbidden(str(error)) from None

    @staticmethod
    def sweep():
        """Namespaces of runs that were killed."""
        listed = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
        for name in listed:
            parts = name.split("-")
            if parts[0] == "hawser" and len(parts) == 3 and not os.path.exists(f"/proc/{parts[1]}"):
                subprocess.run(["ip", "netns", "del", name], capture_output=True)

    @contextlib.contextmanager
    def inside(self, side):
        """What this thread opens and starts meanwhile is there."""
        enter(self.inside_of[side])
        try:
            yield
        finally:
            enter(self.root)

    def reset_after(self, packets):
        """The connection that the so manieth segment with data from now on belongs to is reset."""
        self.say(f"reset {packets}")

    def spare(self):
        """None is reset that was not yet."""
        self.say("reset 0")

    def resets(self):
        self.say("count")
        return int(self.pump.stdout.readline())

    def say(self, line):
        self.pump.stdin.write(line + "\n")
        self.pump.stdin.flush()

    def close(self):
        atexit.unregister(self.close)
        if self.pump:
            self.pump.kill()
            self.pump.wait()
        for fd in self.inside_of.values():
            os.close(fd)
        self.inside_of = {}
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# --- the process between the two devices

def open_tun(namespace):
    fd = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    enter(fd)
    os.close(fd)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"slow", IFF_TUN_NO_PI))
    return tun


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Segment:
    """A TCP segment in an IPv4 packet; `tcp` is False for all else."""

    def __init__(self, packet):
        self.tcp = len(packet) >= 40 and packet[0] >> 4 == 4 and packet[9] == 6
        if not self.tcp:
            return
        head = (packet[0] & 15) * 4
        self.source, self.target = packet[12:16], packet[16:20]
        self.from_port, self.to_port, self.seq, self.ack = struct.unpack_from("!HHII", packet, head)
        self.flags = packet[head + 13]
        self.size = len(packet) - head - (packet[head + 12] >> 4) * 4
        self.flow = frozenset(((self.source, self.from_port), (self.target, self.to_port)))
        self.next = (self.seq + self.size + (self.flags & SYN != 0) + (self.flags & FIN != 0)) & 0xFFFFFFFF

    def onward_reset(self):
        return reset(self.source, self.target, self.from_port, self.to_port, self.seq, self.ack)

    def backward_reset(self):
        return reset(self.target, self.source, self.to_port, self.from_port, self.ack, self.next)


def reset(source, target, from_port, to_port, seq, ack):
    tcp = struct.pack("!HHIIBBHHH", from_port, to_port, seq, ack, 5 << 4, RST | ACK, 0, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0x4000, 64, 6, 0, source, target)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp


class Pump:
    def __init__(self, delay, tuns):
        self.delay, self.tuns = delay, tuns
        self.held = []  # (when, number, device, packet)
        self.number = 0
        self.dead = set()
        self.countdown = 0
        self.resets = 0

    def hold(self, device, packet):
        self.number += 1
        heapq.heappush(self.held, (time.monotonic() + self.delay, self.number, device, packet))

    def write(self, device, packet):
        try:
            os.write(device, packet)
        except OSError:
            pass  # its queue is full, or it is not up: lost, as on any link

    def pass_on(self, device, packet):
        other = self.tuns[1 - self.tuns.index(device)]
        segment = Segment(packet)
        if not segment.tcp:
            return self.hold(other, packet)
        if segment.flow in self.dead:
            if not segment.flags & RST:
                self.write(device, segment.backward_reset())
            return None
        if segment.size > 0 and self.countdown > 0:
            self.countdown -= 1
            if self.countdown == 0:
                self.resets += 1
                self.dead.add(segment.flow)
                self.write(device, segment.backward_reset())
                return self.hold(other, segment.onward_reset())
        return self.hold(other, packet)

    def obey(self, line):
        word, *rest = line.split()
        if word == "reset":
            self.countdown = int(rest[0])
        if word == "count":
            print(self.resets, flush=True)

    def run(self):
        orders = os.fdopen(0, "rb", buffering=0)
        while True:
            now = time.monotonic()
            while self.held and self.held[0][0] <= now:
                _, _, device, packet = heapq.heappop(self.held)
                self.write(device, packet)
            patience = max(0, self.held[0][0] - now) if self.held else None
            for ready in select.select([*self.tuns, orders], [], [], patience)[0]:
                if ready is orders:
                    line = orders.readline()
                    if not line:
                        return
                    self.obey(line.decode())
                    continue
                with contextlib.suppress(BlockingIOError):
                    while True:
                        self.pass_on(ready, os.read(ready, 65536))


def main():
    delay, near, far = sys.argv[1:]
    try:
        tuns = [open_tun(near), open_tun(far)]
    except (OSError, Forbidden) as error:
        sys.exit(str(error))
    print("ready", flush=True)
    Pump(float(delay), tuns).run()


if __name__ == "__main__":
    main()
