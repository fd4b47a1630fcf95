// A provider on Node's HTTP/2 with prior knowledge that takes 50 streams a session and closes each of its sessions
// gracefully every 25 ms. Prints its port; "journal" on stdin prints what ran.
import http2 from 'node:http2';
import readline from 'node:readline';

const ran = [];
const open = new Set();
let sessions = 0, most = 0;
const server = http2.createServer({settings: {maxConcurrentStreams: 50}});

server.on('session', session => {
  ++sessions;
  open.add(session);
  session.on('close', () => open.delete(session));
  session.on('error', () => {});
  session.streams = 0;
});
server.on('stream', (stream, headers) => {
  const session = stream.session;
  most = Math.max(most, ++session.streams);
  stream.on('close', () => --session.streams);
  stream.on('error', () => {});
  stream.resume();
  stream.on('end', () => {
    ran.push(headers['x-name']);
    stream.respond({':status': 200, 'content-type': 'text/event-stream'});
    let i = 0;
    const next = () => {
      if (stream.destroyed) return;
      if (i++ < 5) {
        const choice = {index: 0, delta: {content: `${i} `}, finish_reason: i == 5 ? 'stop' : null};
        stream.write(`data: ${JSON.stringify({id: 'c', object: 'chat.completion.chunk', choices: [choice]})}\n\n`);
        setTimeout(next, 3);
      } else {
        stream.end('data: [DONE]\n\n');
      }
    };
    next();
  });
});
setInterval(() => { for (const session of open) session.close(); }, 25);
server.listen(0, '127.0.0.1', () => console.log(server.address().port));

const lines = readline.createInterface({input: process.stdin});
lines.on('line', () => console.log(JSON.stringify({ran, sessions, most})));
lines.on('close', () => process.exit(0));
