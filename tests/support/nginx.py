"""nginx in front of a program, speaking HTTP/2."""
import pathlib
import signal
import socket
import subprocess
import time


def free_port(host="127.0.0.1"):
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


class Nginx:
    """One server that passes everything on to `target` ("HOST:PORT"), unbuffered.

    `tls`: (certificate, key), or None for HTTP/2 with prior knowledge. `more`: directives of the server.
    `listen`: where, else a free port of loopback; `command`: what it is run by (ip netns exec NAME)."""

    def __init__(self, folder, target, tls=None, http2=True, more="", listen=None, command=(), connections=4096):
        self.folder = pathlib.Path(folder) / f"nginx-{free_port()}"
        self.folder.mkdir()
        self.address = listen or f"127.0.0.1:{free_port()}"
        self.scheme = "https" if tls else "http"
        self.url = f"{self.scheme}://{self.address}/v1"
        flags = (" ssl" if tls else "") + (" http2" if http2 else "")
        secure = (f"ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]}; ssl_protocols TLSv1.2 TLSv1.3;"
                  if tls else "")
        self.config = self.folder / "nginx.conf"
        self.config.write_text(f"""
daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections {connections}; }}
http {{
  log_format told '$remote_addr "$request" $status $ssl_session_reused';
  access_log {self.folder}/access.log told;
  client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/fastcgi; uwsgi_temp_path {self.folder}/uwsgi; scgi_temp_path {self.folder}/scgi;
  upstream behind {{ server {target}; keepalive 64; }}
  server {{
    listen {self.address}{flags}; {secure}
    client_max_body_size 0; large_client_header_buffers 8 64k;
    {more}
    location / {{
      proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600s;
    }}
  }}
}}
""")
        self.process = subprocess.Popen([*command, "nginx", "-c", str(self.config), "-p", str(self.folder), "-e",
                                         str(self.folder / "error.log")])
        host, port = self.address.rsplit(":", 1)
        if not command:
            self.wait_for(host, int(port))

    def wait_for(self, host, port):
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((host, port), 1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError((self.folder / "error.log").read_text()) from None
                time.sleep(0.02)

    def provider(self, **settings):
        return {"base_url": self.url, "auth": "none", **settings}

    def protocols(self, least=0, seconds=10):
        """The protocol of each request so far; waits until there are `least`: they are logged when they are over."""
        end = time.monotonic() + seconds
        while True:
            lines = (self.folder / "access.log").read_text().splitlines()
            if len(lines) >= least or time.monotonic() > end:
                return [line.split('"')[1].rsplit(" ", 1)[-1] for line in lines if line.count('"') > 1]
            time.sleep(0.02)

    def resumed(self, least):
        """Whether each request came over a resumed TLS session."""
        self.protocols(least)
        return [line.endswith(" r") for line in (self.folder / "access.log").read_text().splitlines()]

    def stop(self, how=signal.SIGQUIT):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGTERM)
