"""Certificates that end: reported by alarm and metric in time, over once they are renewed, and
never a reason to stop."""

from pathlib import Path

import pytest

from broker.outbox import Outbox
from broker.topics import Names
from node.alarms import Alarms
from node.chores import certificates
from node.chores.certificates import CertificateWatch
from node.metrics import NodeMetrics
from schemas import Settings
from schemas.settings import BrokerSettings
from tests.rooms.installation.certificates import certificate


def test_a_certificate_that_ends_within_30_days_is_an_alarm_until_it_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "LOOK_S", 0.0)
    mine, proxy = certificate(tmp_path / "node.crt", 12.5), certificate(tmp_path / "web.crt", 31)
    broker = BrokerSettings(url="mqtts://broker:8883", cert_file=str(mine), key_file=str(mine))
    settings = Settings.model_construct(broker=broker, certificates=(str(proxy),))
    alarms, metrics = (
        Alarms(("cam1",), Outbox(Names("inspection/v1", "node-01"))),
        NodeMetrics("1", "node-01"),
    )
    watch = CertificateWatch(settings, alarms, metrics)

    def told() -> str | None:
        for _ in range(2):  # to look, and to report what was found
            watch.tell()
            assert watch._thread is not None
            watch._thread.join(20)
        watch.tell()
        alarm = alarms.active.get("CERTIFICATE")
        return alarm.message if alarm else None

    first = told()
    assert first is not None
    assert first.startswith(f"broker.cert_file: {mine} ends in 12 days (")
    days = {"file": str(proxy)}
    assert (
        30.9
        < float(metrics.registry.get_sample_value("inspection_certificate_days", days) or 0)
        <= 31
    )
    certificate(mine, 300)
    assert told() is None
    certificate(mine, -1)
    proxy.unlink()
    last = told()
    assert last is not None
    assert f"{mine} has ended" in last
    assert f"certificates: {proxy} is no certificate" in last
