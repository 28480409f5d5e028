"""The proxy as shipped, in a real nginx in front of a server that reports what reached it."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest

from tests.rooms.installation.processes import ROOT, free_port
from tests.rooms.promise.promise import wait_for

INSTALL = ROOT / "deploy" / "install"
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
pytestmark = pytest.mark.skipif(
    NGINX is None and not os.environ.get("CI"), reason="nginx is not installed; .ci/run installs it"
)


class Proxy(NamedTuple):
    """A running proxy: its two ports, what trusts it, and what lets a stream behind it go on."""

    plain: int
    secure: int
    trust: ssl.SSLContext
    go_on: threading.Event


class Upstream(BaseHTTPRequestHandler):
    """A stand-in for the web: it gives the headers that reached it, or a stream whose second event
    waits."""

    go_on: threading.Event
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/api/v1/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"data: 1\n\n")
            self.wfile.flush()
            self.go_on.wait(30)
            self.wfile.write(b"data: 2\n\n")
            return
        body = json.dumps(dict(self.headers)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    assert NGINX is not None
    folder = tmp_path_factory.mktemp("nginx")
    for words in (["ca"], ["server", "web", "localhost"]):
        subprocess.run(
            [str(INSTALL / "certs.sh"), "--dir", str(folder / "pki"), *words],
            check=True,
            timeout=60,
        )
    go_on = threading.Event()
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (Upstream,), {"go_on": go_on}))
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    plain, secure = free_port(), free_port()
    conf = (INSTALL / "nginx.conf").read_text()
    # not every machine has IPv6
    lines = [line for line in conf.splitlines() if "listen [::]" not in line]
    conf = "\n".join(lines).replace("127.0.0.1:5000", f"127.0.0.1:{upstream.server_port}")
    conf = conf.replace("listen 80;", f"listen 127.0.0.1:{plain};").replace(
        "listen 443 ", f"listen 127.0.0.1:{secure} "
    )
    (folder / "site.conf").write_text(conf.replace("/etc/inspection-node/pki", str(folder / "pki")))
    paths = "".join(
        f"{what}_temp_path {folder}/{what};\n"
        for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nuser root;\npid {folder}/pid;\nerror_log stderr;\nworker_processes"
        f" 1;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}include {folder}/site.conf;\n}}\n"
    )
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")],
        stderr=(folder / "log").open("wb"),
    )

    def listens() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", secure)) == 0

    try:
        wait_for(listens, 20, "nginx")
        yield Proxy(
            plain, secure, ssl.create_default_context(cafile=str(folder / "pki" / "ca.crt")), go_on
        )
    finally:
        go_on.set()
        process.terminate()
        process.wait(20)
        upstream.shutdown()


def get(proxy: Proxy, path: str, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPSConnection(
        "localhost", proxy.secure, context=proxy.trust, timeout=20
    )
    connection.request("GET", path, headers=headers or {})
    return connection.getresponse()


def test_clear_text_is_sent_to_tls(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("localhost", proxy.plain, timeout=20)
    connection.request("GET", "/run?station=cam1")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (
        301,
        "https://localhost/run?station=cam1",
    )


def test_the_web_is_told_who_calls_and_not_what_the_caller_says_of_himself(proxy: Proxy) -> None:
    forged = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil",
    }
    told = json.load(get(proxy, "/", forged))
    assert told["X-Forwarded-For"] == "127.0.0.1"
    assert (told["X-Forwarded-Proto"], told["X-Forwarded-Host"], told["Host"]) == (
        "https",
        "localhost",
        "localhost",
    )


def test_events_pass_one_by_one(proxy: Proxy) -> None:
    answer = get(proxy, "/api/v1/events")
    assert answer.read(9) == b"data: 1\n\n"  # while the second one has not been written yet
    proxy.go_on.set()
    assert answer.read() == b"data: 2\n\n"


def test_http_2_is_offered_and_old_tls_is_not(proxy: Proxy) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", proxy.secure), 20) as plain,
        context.wrap_socket(plain) as secured,
    ):
        assert (secured.selected_alpn_protocol(), secured.version()) == ("h2", "TLSv1.3")
    old = [
        "openssl",
        "s_client",
        "-tls1_1",
        "-cipher",
        "ALL:@SECLEVEL=0",
        "-connect",
        f"127.0.0.1:{proxy.secure}",
    ]
    assert (
        subprocess.run(
            old, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=30
        ).returncode
        != 0
    )


def test_bodies_larger_than_a_bundle_are_refused_at_the_proxy(proxy: Proxy) -> None:
    connection = http.client.HTTPSConnection(
        "localhost", proxy.secure, context=proxy.trust, timeout=20
    )
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(100 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413
