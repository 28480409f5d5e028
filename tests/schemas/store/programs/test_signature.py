"""Signed bundles: a maker is named only for what they made, byte for byte."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import Problem, Program, as_program
from schemas.settings import ProgramSettings
from schemas.store.programs import Import, Programs, read_import
from schemas.store.programs.bundle import unpack
from schemas.store.programs.signature import public_key, signed

SECRET = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"  # RFC 8032, 7.1, test 1
PUBLIC = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # d75a9801...511a, of the same test
OTHER = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
TRUSTING = ProgramSettings(require_signature=True, trusted_keys={"engineering": PUBLIC})
OPEN = ProgramSettings()
TOOL = {
    "kind": "brightness",
    "name": "light",
    "region": {"x": 1, "y": 1, "width": 5, "height": 5},
    "low": 1.0,
    "high": 9.0,
}


def program() -> Program:
    return as_program(
        {"schema": "program/1", "id": "cap", "name": "Cap", "master": "master.png", "tools": [TOOL]}
    )


def document() -> bytes:
    return json.dumps(program().document()).encode()


def bundle(secret: str = SECRET) -> bytes:
    return signed(document(), {"master.png": PNG}, secret)


BUNDLE = bundle()


def refused(code: str, data: bytes | Path, policy: ProgramSettings = TRUSTING) -> None:
    with pytest.raises(Problem) as caught:
        read_import(data, policy)
    assert caught.value.code == code


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def test_the_public_key_is_that_of_the_rfc() -> None:
    assert public_key(SECRET) == PUBLIC


def test_a_bundle_of_somebody_trusted_is_taken_under_the_name_that_the_site_gives() -> None:
    found = read_import(BUNDLE, TRUSTING)
    assert found.signer == (PUBLIC, "engineering")
    assert (found.program, found.master) == (program(), PNG)


def test_what_a_store_exports_with_a_key_is_signed_by_it_and_at_home_by_this_node(
    tmp_path: Path,
) -> None:
    store = Programs(tmp_path)
    stored = store.save(program(), PNG, "ada")
    ours = ProgramSettings.model_validate({"signing_key": SECRET, "require_signature": True})
    data = store.export("cap", None, ours)
    assert data == store.export("cap", 1, ours)
    assert read_import(data, TRUSTING).signer == (PUBLIC, "engineering")
    assert read_import(data, ours).signer == (PUBLIC, "this node")
    assert Programs(tmp_path / "other").import_(data, "olaf", settings=TRUSTING).hash == stored.hash


def test_what_nobody_has_signed_is_refused_where_the_site_says_so(tmp_path: Path) -> None:
    without = packed(
        {name: data for name, data in members(BUNDLE).items() if name != "signature.json"}
    )
    assert read_import(without, OPEN).signer is None
    refused("SIGNATURE_MISSING", without)
    refused("SIGNATURE_MISSING", document())
    (tmp_path / "cap.json").write_bytes(document())
    (tmp_path / "master.png").write_bytes(PNG)
    (tmp_path / "signature.json").write_bytes(members(BUNDLE)["signature.json"])
    refused("SIGNATURE_MISSING", tmp_path / "cap.json")


def test_an_unknown_key_is_said_to_be_one_and_refused_where_the_site_says_so() -> None:
    stranger = bundle(OTHER)
    assert read_import(stranger, OPEN).signer == (public_key(OTHER), None)
    refused("SIGNER_UNKNOWN", stranger)


@pytest.mark.parametrize("policy", [TRUSTING, OPEN], ids=["required", "not required"])
@pytest.mark.parametrize(
    "change",
    [
        {"master.png": PNG + b"\0"},
        {"program.json": document().replace(b"9.0", b"9.5")},
        {"master.png": None},
        {"more.onnx": b"x"},
        {"elsewhere/more.txt": b"x"},
        {"signature.json": b"{}"},
        {"signature.json": b"not json"},
        {"signature.json": members(BUNDLE)["signature.json"] + b"\n"},
        {
            "signature.json": members(BUNDLE)["signature.json"].replace(
                PUBLIC.encode(), public_key(OTHER).encode()
            )
        },
        {
            "signature.json": members(bundle(OTHER))["signature.json"].replace(
                public_key(OTHER).encode(), PUBLIC.encode()
            )
        },
        {},  # packed anew
    ],
    ids=lambda change: "-".join(change) or "as it was",
)
def test_a_signature_that_does_not_fit_is_refused_by_everybody(
    change: dict[str, bytes | None], policy: ProgramSettings
) -> None:
    files = {**members(BUNDLE), **change}
    refused(
        "SIGNATURE_INVALID",
        packed({name: data for name, data in files.items() if data is not None}),
        policy,
    )


def taken(data: bytes, policy: ProgramSettings) -> Import | None:
    try:
        return read_import(data, policy)
    except Problem:
        return None


def test_with_any_one_bit_changed_it_is_not_taken_as_signed() -> None:
    assert unpack(BUNDLE)[1].keys() == {"master.png", "signature.json"}
    for at in range(len(BUNDLE)):
        changed = bytearray(BUNDLE)
        changed[at] ^= 1 << at % 8
        assert taken(bytes(changed), TRUSTING) is None, at


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_with_anything_changed_cut_off_put_in_or_behind_it_is_not_taken_as_signed(
    data: st.DataObject,
) -> None:
    at = data.draw(st.integers(0, len(BUNDLE)))
    gone = data.draw(st.integers(0, 8))
    put = data.draw(st.binary(max_size=8))
    changed = BUNDLE[:at] + put + BUNDLE[at + gone :]
    if changed != BUNDLE:
        assert taken(changed, TRUSTING) is None
        found = taken(changed, OPEN)
        assert found is None or found.signer is None


def test_a_site_that_trusts_nobody_cannot_ask_for_signatures() -> None:
    with pytest.raises(ValueError, match="nothing could be imported"):
        ProgramSettings(require_signature=True)
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        ProgramSettings.model_validate({"signing_key": "secret"})
