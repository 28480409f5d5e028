"""A program from outside: a JSON file with its master and models beside it, or a .zip bundle with
all of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from schemas.errors import Problem
from schemas.program import Program, parse_program
from schemas.settings import ProgramSettings
from schemas.store.programs.bundle import MAX_BYTES, unpack
from schemas.store.programs.learned import MAX_MASTER_BYTES, MAX_MODEL_BYTES
from schemas.store.programs.signature import Signer, refuse_unsigned, signer_of


class Import(NamedTuple):
    """A program from outside, its master image if there is one with it, its models by name, and who
    signed them."""

    program: Program
    master: bytes | None
    files: Mapping[str, bytes]
    signer: Signer | None = None


def read_import(source: Path | bytes, settings: ProgramSettings) -> Import:
    """What is in a JSON file (master and models beside it) or a .zip bundle, and who signed it.

    Raises Problem PROGRAM_INVALID, ..., and those of a signature that does not fit, or is missing
    where one has to be.
    """
    data = source if isinstance(source, bytes) else _given(source, MAX_BYTES, "PROGRAM_INVALID")
    if data.startswith(b"PK"):
        document, files = unpack(data)
        signer = signer_of(data, document, files, settings)
        program = parse_program(document)
        models = {name: files[name] for name in models_of(program) if name in files}
        return Import(program, files.get(program.master or ""), models, signer)
    refuse_unsigned(settings)
    program = parse_program(data)
    folder = source.parent if isinstance(source, Path) else None
    if folder is None:
        return Import(program, None, {})
    models = {
        name: _given(folder / name, MAX_MODEL_BYTES, "MODEL_NOT_FOUND")
        for name in models_of(program)
        if (folder / name).exists()
    }
    if program.master and (beside := folder / program.master).exists():
        return Import(program, _given(beside, MAX_MASTER_BYTES, "MASTER_IMAGE_NOT_FOUND"), models)
    return Import(program, None, models)


def models_of(program: Program) -> list[str]:
    """Names of the models of a program's locator and tools, each once."""
    names = [getattr(each, "model", None) for each in (program.locator, *program.tools)]
    return sorted({name for name in names if name is not None})


def _given(path: Path, limit: int, code: str) -> bytes:
    """A file from outside, up to one byte more than the limit. Raises Problem(code)."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise Problem(code, f"{path.name}: {error.strerror or error}") from error
