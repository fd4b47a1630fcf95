"""A path that breaks again and again, in a process of its own so that what it measures is not the test's own load.

    with FlakyPath(target, doors=30, between=(20_000, 120_000), away=1.0, seed=7) as path:
        ... path.ports ...
    path.report()  # outages, and how soon behind each the path was used again

Each door is a path of its own to the target. Behind a random number of bytes all connections of a door are reset, and
for a random time nobody gets through it. Progress is the first byte of MARKS that comes from the target behind that.
"""
import argparse
import asyncio
import json
import random
import socket
import subprocess
import sys
import time

MARKS = (b'"t":"welcome"', b'chat.completion.chunk')
RESET = b"\x01\0\0\0\0\0\0\0"


class Door:
    """One path: up, or away until a moment."""

    def __init__(self, number, options):
        self.options = options
        self.random = random.Random(f"{options.seed}/{number}")
        self.open = {}  # pairs of sockets: whether they died silently
        self.pumps = {}  # their tasks
        self.back_at = 0.0
        self.waits_since = None  # the path is there again, and nobody used it yet
        self.died_at = None  # when what was open did so
        self.report = {"outages": [], "back_behind": [], "noticed_behind": [], "refused": 0, "connections": 0}
        self.budget = self.draw()

    def draw(self):
        low, high = self.options.between
        return self.random.randint(low, high) if high else 1 << 60

    def spend(self, size):
        """How many of `size` bytes get through."""
        self.budget -= size
        return size if self.budget > 0 else max(0, size + self.budget)

    def break_off(self):
        away = self.random.uniform(0, self.options.away)
        now = time.monotonic()
        self.report["outages"].append((now, away))
        self.back_at = now + away
        self.waits_since = None
        self.budget = self.draw()
        self.reset_all()

    def reset_all(self):
        """Who serves a pair closes it, once nobody waits for it: else the loop goes on with a number that is another's."""
        broken, self.open = self.open, {}
        for pair in broken:
            for end in pair:
                linger_not(end)
            for task in self.pumps.get(pair, ()):
                if task is not asyncio.current_task():
                    task.cancel()

    def die_silently(self):
        self.died_at = time.monotonic()
        for pair in self.open:
            self.open[pair] = True

    def away(self):
        return time.monotonic() < self.back_at

    def progress(self):
        """Something of use came through."""
        if self.report["outages"] and self.waits_since is None:
            self.waits_since = self.back_at
            self.report["back_behind"].append(time.monotonic() - self.back_at)


def linger_not(connection):
    """From here on its close is a reset."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    except OSError:
        pass


def reset(connection):
    linger_not(connection)
    connection.close()


class Proxy:
    def __init__(self, options):
        self.options = options
        self.loop = asyncio.get_running_loop()
        self.doors, self.ports = [], []
        self.tasks = set()  # the loop holds none of them

    def start(self, coroutine):
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def listen(self):
        for number in range(self.options.doors):
            listening = socket.create_server(("127.0.0.1", 0), backlog=128)
            listening.setblocking(False)
            self.ports.append(listening.getsockname()[1])
            door = Door(number, self.options)
            self.doors.append(door)
            self.start(self.accept(door, listening))

    async def accept(self, door, listening):
        while True:
            client, _ = await self.loop.sock_accept(listening)
            client.setblocking(False)
            if door.away():
                door.report["refused"] += 1
                reset(client)
            else:
                self.start(self.serve(door, client))

    async def serve(self, door, client):
        door.report["connections"] += 1
        if door.died_at is not None:
            door.report["noticed_behind"].append(time.monotonic() - door.died_at)
            door.died_at = None
        server = socket.socket()
        server.setblocking(False)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (client, server)
        door.open[pair] = False
        try:
            await self.loop.sock_connect(server, self.options.target)
            if pair not in door.open:
                return  # it broke meanwhile
            pumps = [self.start(self.pump(door, pair, client, server, False)),
                     self.start(self.pump(door, pair, server, client, True))]
            door.pumps[pair] = pumps
            done, pending = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        except OSError:
            pass
        finally:
            door.open.pop(pair, None)
            door.pumps.pop(pair, None)
            client.close()
            server.close()

    async def pump(self, door, pair, source, sink, answers):
        tail = b""
        while pair in door.open:
            try:
                data = await self.loop.sock_recv(source, 16384)
                if not data:
                    return
                if door.open.get(pair):
                    continue  # swallowed
                fits = door.spend(len(data))
                if fits:
                    await self.loop.sock_sendall(sink, data[:fits])
                if answers:
                    seen, tail = tail + data[:fits], data[-32:]
                    if any(mark in seen for mark in MARKS):
                        door.progress()
                if fits < len(data) or door.budget <= 0:
                    door.break_off()
                    return
            except OSError:
                return

    async def obey(self):
        """Commands by lines: silence, away, heal, calm, report."""
        reader = asyncio.StreamReader()
        await self.loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := (await reader.readline()).decode().strip():
            for door in self.doors:
                if line == "silence":
                    door.die_silently()
                if line == "away":
                    door.back_at = float("inf")
                    door.report["outages"].append((time.monotonic(), 0.0))
                    door.reset_all()
                if line == "heal":
                    door.back_at, door.waits_since = time.monotonic(), None
                if line == "calm":
                    door.budget = 1 << 60
            answer = [door.report for door in self.doors] if line == "report" else "ok"
            print(json.dumps(answer), flush=True)


async def main(options):
    proxy = Proxy(options)
    proxy.listen()
    print(json.dumps(proxy.ports), flush=True)
    await proxy.obey()


class FlakyPath:
    """The proxy, as a test has it."""

    def __init__(self, target, doors=1, between=(0, 0), away=1.0, seed=1):
        host, port = target
        self.process = subprocess.Popen(
            [sys.executable, __file__, host, str(port), str(doors), str(between[0]), str(between[1]), str(away),
             str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ports = json.loads(self.process.stdout.readline())

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def silence(self):
        """What is open dies silently: its bytes are swallowed, and nobody is told. What is opened behind it lives."""
        return self.tell("silence")

    def away(self):
        """Resets all, and lets nobody through until heal()."""
        return self.tell("away")

    def heal(self):
        return self.tell("heal")

    def calm(self):
        """No further breaks."""
        return self.tell("calm")

    def report(self):
        return self.tell("report")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("host")
    arguments.add_argument("port", type=int)
    arguments.add_argument("doors", type=int)
    arguments.add_argument("low", type=int)
    arguments.add_argument("high", type=int)
    arguments.add_argument("away", type=float)
    arguments.add_argument("seed")
    given = arguments.parse_args()
    given.target, given.between = (given.host, given.port), (given.low, given.high)
    asyncio.run(main(given))
