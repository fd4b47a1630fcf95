// A Hawser tunnel in a browser: streams that go on where a broken connection left them.
//
//   const tunnel = new HawserTunnel("wss://gateway.example/v1/tunnel", "hk-...");
//   await tunnel.stream({model: "m", messages: [...]}, chunk => ...);
//
// The protocol is docs/tunnel.md. No dependencies.

const keepalive = 2_000;          // each end is heard from so often while calls are open
const idle = {silence: 25_000, answer: 10_000};  // then a ping: browsers cannot send WebSocket's own; then it is dead
const open = {silence: 1.25 * keepalive, answer: keepalive};
const creditStep = 64 * 1024;     // credit is given again in steps

class HawserTunnel {
  constructor(url, key) {
    this.url = url;
    this.key = key;
    this.calls = new Map();       // id -> {frame, resolve, reject, onChunk, generation, last}
    this.number = 0;
    this.tries = 0;
    this.resumes = 0;
  }

  /** Streams one call; `onChunk` gets each event's data. Resolves at its end. */
  stream(body, onChunk, path = "/v1/chat/completions") {
    return new Promise((resolve, reject) => {
      const id = `r${++this.number}`;
      const frame = {t: "req", id, p: path, b: {...body, stream: true}, idem: crypto.randomUUID()};
      this.calls.set(id, {frame, resolve, reject, onChunk, generation: null, last: -1, owed: 0});
      if (this.ready) this.say(frame);
      else this.connect();
    });
  }

  /** Stops everything, also at the provider. */
  close() {
    this.closing = true;
    this.socket?.close(1000);
  }

  connect() {
    if (this.socket || this.closing) return;
    const protocols = ["hawser.v1+json"];
    if (this.key) protocols.push("bearer." + encode(this.key));
    const socket = this.socket = new WebSocket(this.url, protocols);
    this.ready = false;
    socket.onopen = () => {
      const resume = [...this.calls].filter(([, call]) => call.generation)
        .map(([id, call]) => ({gen: call.generation, after: call.last < 0 ? [] : [1, call.last], id}));
      this.resumes += resume.length;
      this.say({t: "hello", v: 1, client: "browser", caps: ["resume"], keepalive, resume});
      this.watch(socket);
    };
    socket.onmessage = event => this.take(JSON.parse(event.data), event.data.length, socket);
    socket.onclose = event => this.lost(socket, event.code);
    addEventListener("online", () => this.probe(), {once: true});
  }

  take(frame, size, socket) {
    this.heard = Date.now();
    if (frame.t === "welcome") {
      this.ready = true;
      this.tries = 0;             // the failures before it are forgotten
      this.promised = frame.keepalive > 0;
      for (const call of this.calls.values()) {
        call.owed = 0;
        if (!call.generation) this.say(call.frame);  // its key makes sure that it is asked once
      }
      return;
    }
    if (frame.t === "goaway" && frame.resumable) {   // make before break
      this.socket = null;
      socket.onclose = null;
      this.connect();
      return;
    }
    const call = this.calls.get(frame.id);
    if (!call) return;
    if (frame.t === "head" && frame.gen) call.generation = frame.gen;
    if (frame.t === "ev") {
      if (frame.q > call.last) {
        call.last = frame.q;
        if ("d" in frame) call.onChunk(frame.d);
      }
      call.owed += size;
      if (call.owed > creditStep) {
        this.say({t: "win", id: frame.id, add: call.owed});
        this.say({t: "win", add: call.owed});
        call.owed = 0;
      }
    }
    if (frame.t === "end") {
      this.calls.delete(frame.id);
      call.resolve();
    }
    if (frame.t === "err") {
      this.calls.delete(frame.id);
      call.reject(new Error(`${frame.code}: ${frame.message}`));
    }
  }

  lost(socket, code) {
    if (this.socket !== socket) return;
    this.socket = null;
    this.ready = false;
    if (code === 4401) {
      for (const call of this.calls.values()) call.reject(new Error("authentication"));
      this.calls.clear();
    }
    if (this.closing || this.calls.size === 0) return;
    // At once, then about 50 ms, doubling to 1 s.
    const around = this.tries === 0 ? 0 : Math.min(1_000, 50 * 2 ** (this.tries - 1));
    this.tries += 1;
    setTimeout(() => this.connect(), around * (0.25 + 0.5 * Math.random()));
  }

  watch(socket) {
    this.heard = this.probed = Date.now();
    const timer = setInterval(() => {
      if (this.socket !== socket) return clearInterval(timer);
      const most = this.calls.size > 0 && this.promised !== false ? open : idle;
      const now = Date.now();
      if (this.probed > this.heard && now - this.probed > most.answer) {
        clearInterval(timer);
        socket.onclose = null;
        socket.close();
        this.lost(socket, 1006);
      } else if (now - this.heard > most.silence && this.probed <= this.heard) {
        this.probed = now;
        this.probe();
      }
    }, 250);
  }

  probe() {
    if (this.ready) this.say({t: "ping", ts: Date.now()});
  }

  say(frame) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }
}

function encode(text) {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
