"""What is reported about a certificate that somebody made wrongly."""

from base64 import encodebytes
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from schemas import Settings
from schemas.certificates import certificates
from schemas.settings import BrokerSettings
from tests.rooms.installation.certificates import certificate


@pytest.mark.parametrize(
    ("good", "wrong"),
    [(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"), (b"0\x1e\x17\r", b"0\x1e\x17\x0e")],
    ids=["version", "dates"],
)
def test_a_certificate_made_wrong_is_told_and_hides_no_other(
    tmp_path: Path, good: bytes, wrong: bytes
) -> None:
    file, next_to_it = certificate(tmp_path / "a.crt", 300), certificate(tmp_path / "b.crt", 5)
    der = x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER)
    assert der.count(good) == 1
    inside = encodebytes(der.replace(good, wrong))
    file.write_bytes(b"-----BEGIN CERTIFICATE-----\n" + inside + b"-----END CERTIFICATE-----\n")
    settings = Settings.model_construct(
        broker=BrokerSettings(), certificates=(str(file), str(next_to_it))
    )
    first, second = (found.trouble() for found in certificates(settings))
    assert first is not None
    assert first.startswith(f"certificates: {file} is no certificate: ")
    assert second is not None
    assert "ends in 4 days" in second
