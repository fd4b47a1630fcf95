"""A path that breaks: a TCP proxy that resets connections at random points and stays away for a while."""
import asyncio
import random
import socket
import threading
import time


class BrokenPath:
    """Many doors to one address. Behind each, connections are reset after a random number of bytes, and nobody gets
    through for a random time afterwards. Seeded.

    `mean` is the mean number of bytes between two breaks: with answers of N bytes, N / mean of them are hit."""

    def __init__(self, target, doors, mean, outage=2.0, seed=1):
        self.target, self.mean, self.outage = target, mean, outage
        self.random = random.Random(seed)
        self.connections = self.cuts = self.refused = 0
        self.closed_until = [0.0] * doors
        self.listening = []
        for _ in range(doors):
            listening = socket.socket()
            listening.bind(("127.0.0.1", 0))
            listening.listen(64)
            listening.setblocking(False)
            self.listening.append(listening)
        self.ports = [listening.getsockname()[1] for listening in self.listening]
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        asyncio.set_event_loop(self.loop)
        for door, listening in enumerate(self.listening):
            self.loop.create_task(self.accept(door, listening))
        self.loop.run_forever()

    async def accept(self, door, listening):
        while True:
            client, _ = await self.loop.sock_accept(listening)
            if time.monotonic() < self.closed_until[door]:
                self.refused += 1
                self.reset(client)
            else:
                self.loop.create_task(self.serve(door, client))

    @staticmethod
    def reset(connection):
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        except OSError:
            pass
        connection.close()

    async def serve(self, door, client):
        self.connections += 1
        server = socket.socket()
        server.setblocking(False)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        budget = [1 + int(self.random.expovariate(1 / self.mean))]
        try:
            await self.loop.sock_connect(server, self.target)
            done, pending = await asyncio.wait(
                [self.loop.create_task(self.pump(client, server, budget)),
                 self.loop.create_task(self.pump(server, client, budget))], return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        except OSError:
            pass
        if budget[0] <= 0:
            self.cuts += 1
            self.closed_until[door] = time.monotonic() + self.random.expovariate(1 / self.outage)
            self.reset(client)
            self.reset(server)
        else:
            client.close()
            server.close()

    async def pump(self, source, sink, budget):
        while True:
            try:
                data = await self.loop.sock_recv(source, 65536)
                if not data:
                    return
                budget[0] -= len(data)
                if budget[0] <= 0:
                    data = data[:len(data) + budget[0]]
                    if data:
                        await self.loop.sock_sendall(sink, data)
                    return
                await self.loop.sock_sendall(sink, data)
            except OSError:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        def end():
            tasks = [task for task in asyncio.all_tasks(self.loop)]
            for task in tasks:
                task.cancel()
            asyncio.gather(*tasks, return_exceptions=True).add_done_callback(lambda _: self.loop.stop())

        self.loop.call_soon_threadsafe(end)
        self.thread.join(10)
        for listening in self.listening:
            listening.close()
