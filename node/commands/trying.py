"""A program tried before it is stored, as an editor asks: again and again, with one number changed.

Nothing is stored and no line is driven. Pictures are kept decoded by the hash of what came, so each
travels once; what locator and tools learned and found is kept by what it was made of, so that only
what has changed is made anew. Times are reported as if everything had been: a program takes as long
here as it will on the line.
"""

import base64
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from node.acquire import acquire
from node.cameras import Request
from node.commands.given_pictures import GivenPicture, GivenPictures
from node.faults.challenge import challenged
from node.frame import Frame
from node.judge import judge
from node.locate import locate
from node.measure import measure
from node.memo import Memo
from node.part import Part
from node.pictures.annotate import annotate
from node.pictures.decode import decode
from node.pictures.live_view import as_jpeg
from node.pictures.sandbox import Decoder
from node.pictures.writer import EXACT_BYTES, exact
from node.program import LoadedProgram, load
from node.quality import check
from node.record import Record
from node.seen import Inspection
from node.told import build
from schemas import Problem, Program, Trigger, as_program, new_id
from schemas.command import TryProgram
from schemas.store.programs import Programs

if TYPE_CHECKING:
    from node.worker.bench import Bench

WIDEST = 2560  # px of the annotated picture in an answer
IDLE_S = 600.0
# for faults that are drawn and inspected at a time; others are asked for later
CHALLENGE_S = 1.5


class Trying:
    """See the head of this file. Everything is called on one thread."""

    def __init__(self, decoder: Decoder) -> None:
        self._decode = decoder.decode
        self._pictures = GivenPictures()
        self._memo = Memo()
        self._asked_at = time.monotonic()

    def rest(self) -> None:
        """Let go of what has not been used for a while."""
        self._pictures.rest()
        if time.monotonic() - self._asked_at > IDLE_S:
            self._memo.forget()

    def answer(self, command: TryProgram, bench: "Bench") -> dict[str, Any]:
        """The result as it would be, with the annotated picture and the hashes of what was given;
        with `challenge` what the program would miss.

        Raises Problem PROGRAM_..., MASTER_IMAGE_NOT_FOUND, IMAGE_INVALID for a master, and
        IMAGE_NOT_KEPT for a hash of a picture that must be sent again.
        """
        self._asked_at = time.monotonic()
        self._memo.begin()
        master = self._pictures.take(command.master, command.master_sha256, self._decode)
        if master is not None:
            self._as_stored(master)
        loaded, master = self._loaded(command, bench, master)
        if command.challenge is not None:
            return self._challenge(command.challenge, bench, loaded, self._good(command, master))
        data = self._tried(command, bench, loaded, master)
        if master is not None:
            data["master_sha256"] = master.digest
        if command.give_master and master is not None and master.stored is not None:
            data["master"] = base64.b64encode(master.stored).decode()
        return data

    def _tried(
        self,
        command: TryProgram,
        bench: "Bench",
        loaded: LoadedProgram,
        master: GivenPicture | None,
    ) -> dict[str, Any]:
        given, refused = self._given(command, master)
        part = _part(command, bench)
        inspection = Inspection(part, loaded)  # the time of decoding does not count as inspection
        program = loaded.program
        try:
            if refused is not None:
                raise refused
            inspection.frame = _frame(given, bench, loaded)
            inspection.step("acquire")
            self._memo.take_saved_ns()  # nor does the time of learning
            once = None
            place = partial(locate, inspection.frame, program.locator, loaded.locator)
            if given is None:
                inspection.pose, inspection.placement = place()
            else:
                of = (given.digest, None if master is None else master.digest)
                locator = program.locator.model_dump_json() if program.locator else None
                inspection.pose, inspection.placement = self._memo.of(*of)(
                    ("place", locator), place
                )
                once = self._memo.of(*of, inspection.placement, str(program.calibration))
            self._step(inspection, "locate")
            inspection.findings = measure(inspection.frame, inspection.placement, loaded, once=once)
            self._step(inspection, "measure")
            inspection.verdict, inspection.fault = judge(inspection, loaded)
        except Problem as problem:
            inspection.fail(problem)
        record = Record(part)
        record.outcome = inspection.told()
        data = build(record, bench, new_id(), 1).model_dump(mode="json", by_alias=True)
        data.pop("seq")
        if inspection.frame is not None:
            shown = as_jpeg(annotate(inspection), WIDEST)
            data["annotated"] = base64.b64encode(shown).decode()
        if given is not None:
            data["image_sha256"] = given.digest
        return data

    def _loaded(
        self, command: TryProgram, bench: "Bench", master: GivenPicture | None
    ) -> tuple[LoadedProgram, GivenPicture | None]:
        """The program, and the master that it has learned from."""
        store = bench.shelf.store
        if isinstance(command.program, str):
            bench.shelf.refresh()
            loaded = bench.shelf.get(command.program)
            return loaded, self._stored_master(store, loaded.program)
        program = as_program(command.program)
        if master is None:
            master = self._stored_master(store, program)
        if master is None:
            return load(program, 1, program.hash, None, store.file), None
        once = self._memo.of("learned", master.digest)
        frame = master.frame("master")
        return load(program, 1, program.hash, frame, store.file, once), master

    def _stored_master(self, store: Programs, program: Program) -> GivenPicture | None:
        """The master of a stored program; its file's name is its hash."""
        if program.master is None:
            return None
        master = self._pictures.known(program.master.partition(".")[0])
        data = store.master(program) if master is None else None
        return master if data is None else self._pictures.keep(data, decode)

    def _as_stored(self, master: GivenPicture) -> None:
        """Make the master what it would be stored as, since its tools learn from that."""
        if master.stored is None:
            stored = exact(master.pixels, EXACT_BYTES)
            fits = stored.startswith(b"\x89PNG")
            master.become(master.pixels if fits else decode(stored), stored)

    def _given(
        self, command: TryProgram, master: GivenPicture | None
    ) -> tuple[GivenPicture | None, Problem | None]:
        """What to look at, None for the camera; a picture that cannot be decoded is a result."""
        if command.on_master:
            if master is None:
                return None, Problem("MASTER_IMAGE_NOT_FOUND", "there is none to try it on")
            return master, None
        try:
            return self._pictures.take(command.image, command.image_sha256, self._decode), None
        except Problem as problem:
            if problem.code == "IMAGE_NOT_KEPT":
                raise
            return None, problem

    def _good(self, command: TryProgram, master: GivenPicture | None) -> GivenPicture:
        """The picture of a good part that faults are drawn on."""
        given = self._pictures.take(command.image, command.image_sha256, self._decode) or master
        if given is None:
            raise Problem("MASTER_IMAGE_NOT_FOUND", "give the picture of a good part")
        return given

    def _challenge(
        self, first: int, bench: "Bench", loaded: LoadedProgram, good: GivenPicture
    ) -> dict[str, Any]:
        """What came of the drawn faults from `first` on, as many as fit into the time; `next`:
        from which on to ask again."""
        limits = bench.settings.camera.quality
        seen = challenged(loaded, good.pixels, first, limits, CHALLENGE_S)
        outcomes = []
        for each in seen.outcomes:
            shown = None if each.picture is None else bench.pictures.encode(each.picture)
            picture = None if shown is None else base64.b64encode(shown).decode()
            outcomes.append({**each._asdict(), "never": each.never, "picture": picture})
        return {**seen._asdict(), "outcomes": outcomes}

    def _step(self, inspection: Inspection, name: str) -> None:
        """A step ends; what was found in the memo has taken its time, too."""
        inspection.earlier(self._memo.take_saved_ns())
        inspection.step(name)


def _part(command: TryProgram, bench: "Bench") -> Part:
    trigger_id = f"try-{command.request_id}"[:64]
    now = time.monotonic_ns()
    return Part(0, bench.id, trigger_id, Trigger(), True, "command", time.time(), now)


def _frame(given: GivenPicture | None, bench: "Bench", loaded: LoadedProgram) -> Frame:
    """The given picture, or one that the camera takes now."""
    camera = bench.settings.camera
    if given is None:
        now = time.monotonic_ns()
        until = now + camera.timeout_ms * 1_000_000
        request = Request(now, until, None, loaded.program.camera)
        frame = acquire(bench.camera, request, loaded.size)
        check(frame, camera.quality)
        return frame
    frame = given.frame("given")
    if loaded.size not in (None, (frame.width, frame.height)):
        raise Problem("IMAGE_SIZE", f"{frame.width} x {frame.height} px")
    return frame
