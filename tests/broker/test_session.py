"""The durable session against a real broker, without a node: intake, outbox, fence, and the ways a
broker can fail us.

One file: one session with one broker, and each way in which that can fail.
"""

import contextlib
import json
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.demo.broker_process import BrokerProcess
from schemas import Problem
from schemas.settings import BrokerSettings
from tests.broker.alone import Bench
from tests.rooms.installation.proxy import Proxy
from tests.rooms.promise.promise import Line, outbox, wait_for

pytestmark = pytest.mark.system


@pytest.fixture
def proxy(broker: BrokerProcess) -> Iterator[Proxy]:
    made = Proxy(broker.port)
    yield made
    made.close()


@pytest.fixture
def bench(tmp_path: Path, proxy: Proxy) -> Iterator[Bench]:
    made = Bench(tmp_path, BrokerSettings(url=f"mqtt://127.0.0.1:{proxy.port}", keepalive_s=2))
    yield made
    made.session.stop(None, 3)
    made.ledger.close()


def ids(line: Line) -> list[str]:
    return [result["trigger_id"] for result in line.results()]


def test_a_trigger_that_cannot_be_stored_is_not_acknowledged_and_comes_again(
    bench: Bench, line: Line, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    wait_for(lambda: bench.session.online)
    bench.failing = True
    line.client.publish(f"{line.prefix}trigger/cam1", b"t-1", qos=1).wait_for_publish(5)
    wait_for(lambda: Problem("STORE_FAILED", "as asked").message in bench.trouble)
    proxy.cut()
    wait_for(bench.told("offline"))
    wait_for(lambda: len(bench.told("online")()) == 2 and "as asked" in bench.trouble, 20)
    bench.failing = False
    wait_for(lambda: ids(line) == ["t-1"], 20)
    assert [trigger_id for trigger_id, _ in bench.backlogs] == ["t-1"]
    assert not [record for record in caplog.records if record.exc_info], (
        "foreseen: no traceback at every try"
    )


def test_results_cut_off_at_every_byte_arrive_once(bench: Bench, line: Line, proxy: Proxy) -> None:
    wait_for(lambda: bench.session.online)
    bench.session._presence.delay = lambda *_, **__: (0.05, False)  # type: ignore[method-assign]
    sent = []
    for cut in (0, 1, 2, 30, 200, 700, 800, 1500):
        proxy.cut_after = cut
        for number in range(3):
            sent.append(f"{cut}-{number}")
            bench.result(sent[-1])
        wait_for(
            lambda: (
                bench.session.online and proxy.cut_after is None and outbox(bench.ledger.path) == 0
            ),
            20,
        )
    wait_for(lambda: len(ids(line)) >= len(sent))
    assert ids(line) == sent
    assert all("attempt" not in user for _, _, _, user in line.heard)


def test_a_connection_that_has_gone_deaf_is_noticed_by_keep_alive(
    bench: Bench, proxy: Proxy
) -> None:
    wait_for(lambda: bench.session.online)
    proxy.deaf = True
    wait_for(bench.told("offline"), 15)
    proxy.deaf = False
    proxy.cut()
    wait_for(lambda: bench.session.online, 30)


def test_a_session_that_the_broker_lost_makes_results_go_out_again_marked_attempt(
    bench: Bench, line: Line, proxy: Proxy
) -> None:
    wait_for(lambda: bench.session.online)
    proxy.deaf = True
    bench.result("maybe-sent")
    wait_for(bench.told("offline"), 15)
    thief = line._client("inspection-node-node-01")  # a clean start with our name ends our session
    thief.connect("127.0.0.1", proxy.target, clean_start=True)
    thief.loop_start()
    wait_for(thief.is_connected)
    thief.disconnect()
    thief.loop_stop()
    proxy.deaf = False
    proxy.cut()
    wait_for(lambda: "maybe-sent" in ids(line), 30)
    user = next(user for topic, _, _, user in line.heard if topic == "result/cam1")
    assert user["attempt"] == "2"
    bench.result("fresh")
    wait_for(lambda: "fresh" in ids(line))
    assert [user for topic, _, _, user in line.heard if topic == "result/cam1"][-1] == {}


@pytest.mark.parametrize("lost", [True, False])
def test_a_result_whose_confirmation_was_lost_with_the_end_of_the_ledger_is_marked_attempt(
    bench: Bench, line: Line, *, lost: bool
) -> None:
    """The broker has it and knows our session, but its echo came before the end was lost."""
    bench.result("confirmed")
    bench.result("last")
    wait_for(lambda: bench.session._results.echoes == 2 and outbox(bench.ledger.path) == 0, 20)
    bench.close()
    with contextlib.closing(sqlite3.connect(bench.ledger.path)) as store, store:
        store.execute("INSERT INTO outbox (result, lived_s) SELECT min(id), 0 FROM results")
        if lost:
            store.execute("DELETE FROM results WHERE id = (SELECT max(id) FROM results)")
    bench.session = bench.make()
    assert (bench.ledger.lost is not None) is lost
    wait_for(lambda: ids(line).count("confirmed") == 2, 20)
    *_, user = (user for topic, _, _, user in line.heard if topic == "result/cam1")
    assert user == ({"attempt": "2"} if lost else {})


def test_what_was_sent_while_away_is_backlog_and_what_comes_later_is_not(
    bench: Bench, line: Line, proxy: Proxy
) -> None:
    wait_for(lambda: bench.session.online)
    proxy.target, target = 1, proxy.target
    proxy.cut()
    wait_for(bench.told("offline"))
    line.client.publish(f"{line.prefix}trigger/cam1", b"early", qos=1).wait_for_publish(5)
    proxy.target = target
    wait_for(lambda: bench.session.online, 20)
    line.client.publish(f"{line.prefix}trigger/cam1", b"late", qos=1).wait_for_publish(5)
    wait_for(lambda: ids(line) == ["early", "late"])
    (_, early), (_, late) = bench.backlogs
    assert early is not None
    assert early.outage_s > 0
    assert late is None


def test_both_ends_send_without_delay(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for(lambda: bench.session.online)
    connection = bench.session._connection
    assert connection is not None
    sock = connection.client.socket()
    assert isinstance(sock, socket.socket)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_another_client_with_our_name_is_noticed_when_it_comes_again_and_again(
    bench: Bench, proxy: Proxy, line: Line
) -> None:
    plain = bench.session._presence.delay
    bench.session._presence.delay = lambda *a, **k: (0.1, plain(*a, **k)[1])  # type: ignore[method-assign]
    for _ in range(5):
        wait_for(lambda: bench.session.online, 20)
        thief = line._client("inspection-node-node-01")
        thief.connect("127.0.0.1", proxy.target, clean_start=False)
        thief.loop_start()
        wait_for(lambda: not bench.session.online, 10)
        thief.disconnect()
        thief.loop_stop()
    wait_for(
        lambda: any("inspection-node-node-01" in message for message in bench.told("trouble")()), 20
    )


def test_many_results_wait_in_the_ledger_and_go_out_in_order(
    bench: Bench, line: Line, proxy: Proxy
) -> None:
    wait_for(lambda: bench.session.online)
    proxy.target, target = 1, proxy.target
    proxy.cut()
    wait_for(bench.told("offline"))
    sent = [f"r-{number}" for number in range(700)]
    for trigger_id in sent[:600]:
        bench.result(trigger_id)
    proxy.target = target
    writer = threading.Thread(
        target=lambda: [bench.result(trigger_id) for trigger_id in sent[600:]]
    )
    writer.start()
    writer.join()
    wait_for(lambda: len(ids(line)) >= 700, 40)
    assert ids(line) == sent
    wait_for(lambda: outbox(bench.ledger.path) == 0)


def test_each_result_has_its_short_form_before_it_also_after_an_outage_and_when_it_is_sent_again(
    tmp_path: Path, proxy: Proxy, line: Line
) -> None:
    bench = Bench(
        tmp_path,
        BrokerSettings(url=f"mqtt://127.0.0.1:{proxy.port}", keepalive_s=2),
        short=("cam1",),
    )
    try:
        wait_for(lambda: bench.session.online)
        bench.result("r-0")
        proxy.target, target = 1, proxy.target
        proxy.cut()
        wait_for(bench.told("offline"))
        for number in range(1, 100):
            bench.result(f"r-{number}")
        proxy.target = target
        wait_for(lambda: len(ids(line)) >= 100, 40)
        said = [
            (topic, json.loads(payload)["seq"])
            for topic, payload, _, _ in list(line.heard)
            if topic.endswith("/cam1")
        ]
        order = [one for one in dict.fromkeys(said) if not one[0].startswith("latest/")]
        assert order == [
            (f"{name}/cam1", seq) for seq in range(1, 101) for name in ("short", "result")
        ]
        seen = len(line.heard)
        bench.session._outbox.resend("cam1", bench.ledger.results("cam1", seqs=(5, 6)))
        wait_for(lambda: len(line.heard) >= seen + 4)
        again = [
            (topic, json.loads(payload)["seq"], user)
            for topic, payload, _, user in line.heard[seen:]
        ]
        assert again == [
            (f"{name}/cam1", seq, {"resend": "1"}) for seq in (5, 6) for name in ("short", "result")
        ]
    finally:
        bench.session.stop(None, 3)
        bench.ledger.close()


def test_a_process_that_starts_again_sends_only_what_the_broker_never_got(
    bench: Bench, line: Line
) -> None:
    wait_for(lambda: bench.session.online)
    bench.result("first")
    wait_for(lambda: ids(line) == ["first"])
    wait_for(lambda: outbox(bench.ledger.path) == 0)
    bench.session.stop(None, 3)
    bench.result("second")
    bench.ledger.close()
    bench.session = bench.make()
    wait_for(lambda: ids(line) == ["first", "second"], 20)
    assert all("attempt" not in user for _, _, _, user in line.heard)


def locked_broker(folder: Path, port: int) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    passwords = folder / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(passwords), "node", "right-password"], check=True
    )
    passwords.chmod(0o644)
    folder.chmod(0o755)
    conf = folder / "locked.conf"
    conf.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
    )
    return subprocess.Popen(
        ["mosquitto", "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def test_wrong_credentials_are_told_and_tried_again_slowly_without_a_secret_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.rooms.installation.processes import free_port

    port = free_port()
    process = locked_broker(tmp_path / "locked", port)
    bench = Bench(
        tmp_path,
        BrokerSettings(
            url=f"mqtt://127.0.0.1:{port}", username="node", password=SecretStr("wrong-password")
        ),
    )
    try:
        wait_for(
            lambda: any("Not authorized" in message for message in bench.told("trouble")()), 15
        )
        assert not bench.session.online
        assert "wrong-password" not in caplog.text + str(bench.notices)
    finally:
        bench.session.stop(None, 3)
        bench.ledger.close()
        process.terminate()
        process.wait(5)


def certificates(folder: Path) -> None:
    """An authority, a server certificate for localhost, and a client's, by openssl."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=plant",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    )
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    for name, subject in (("server", "/CN=localhost"), ("client", "/CN=node-01")):
        openssl(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            subject,
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
        )
        words = [
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
        ]
        openssl(*words, "-extfile", "names", "-out", f"{name}.pem")
    for file in folder.iterdir():
        file.chmod(0o644)
    folder.chmod(0o755)


def test_tls_with_client_certificates_works_and_a_wrong_host_is_refused_without_plain_text(
    tmp_path: Path,
) -> None:
    from tests.rooms.installation.processes import free_port

    certs = tmp_path / "certs"
    certs.mkdir()
    certificates(certs)
    port = free_port()
    conf = certs / "tls.conf"
    conf.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\ncafile {certs}/ca.pem\ncertfile"
        f" {certs}/server.pem\nkeyfile {certs}/server.key\nrequire_certificate true\nuser root\n"
    )
    process = subprocess.Popen(
        ["mosquitto", "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    keys = {
        "ca_file": f"{certs}/ca.pem",
        "cert_file": f"{certs}/client.pem",
        "key_file": f"{certs}/client.key",
    }
    good = Bench(tmp_path / "good", BrokerSettings(url=f"mqtts://localhost:{port}", **keys))
    wrong = Bench(tmp_path / "wrong", BrokerSettings(url=f"mqtts://127.0.0.1:{port}", **keys))
    try:
        wait_for(lambda: good.session.online, 20)
        good.result("over tls")
        wait_for(lambda: outbox(good.ledger.path) == 0)
        wait_for(wrong.told("trouble"), 15)
        assert not wrong.session.online
        assert (
            "certificate" in wrong.told("trouble")()[0].lower()
            or "match" in wrong.told("trouble")()[0]
        )
    finally:
        for bench in (good, wrong):
            bench.session.stop(None, 3)
            bench.ledger.close()
        process.terminate()
        process.wait(5)


def test_a_broker_that_speaks_mqtt_3_only_is_spoken_to_in_its_version(tmp_path: Path) -> None:
    from tests.rooms.installation.processes import free_port

    port = free_port()
    conf = tmp_path / "plain.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n")
    process = subprocess.Popen(
        ["mosquitto", "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    proxy = OldBroker(port)
    bench = Bench(tmp_path / "b", BrokerSettings(url=f"mqtt://127.0.0.1:{proxy.port}"))
    try:
        wait_for(lambda: bench.session.online, 30)
        assert bench.session.protocol == "3.1.1"
        assert bench.session.kind == "persistent"
        bench.result("r-1")
        wait_for(lambda: outbox(bench.ledger.path) == 0)
    finally:
        bench.session.stop(None, 3)
        bench.ledger.close()
        proxy.close()
        process.terminate()
        process.wait(5)


class OldBroker(Proxy):
    """Closes connections that begin with a CONNECT of MQTT 5, as a broker of MQTT 3.1.1 does."""

    def _pipe(self, source: socket.socket, sink: socket.socket, from_client: bool) -> None:
        if from_client:
            first = source.recv(65536)
            if b"\x00\x04MQTT\x05" in first:
                source.close()
                sink.close()
                return
            sink.sendall(first)
        super()._pipe(source, sink, from_client)
