"""READ SECOND. What a worker does of an inspection: acquire, locate, measure, judge, in this order,
at the bench of its station. What is before and after is in inspection.py."""

import logging

from node.acquire import acquire
from node.cameras import Request
from node.gate import pays
from node.judge import judge
from node.locate import locate
from node.measure import measure
from node.seen import Inspection
from node.worker.bench import Bench
from node.worker.seam import LOADING_S, PartJob, PartOutcome
from schemas import Problem

log = logging.getLogger(__name__)


def look(job: PartJob, bench: Bench) -> PartOutcome:
    """What was found out about one part. Never raises."""
    inspection = Inspection(job)
    try:
        inspection.program = program = bench.shelf.get(job.program, LOADING_S)
        bench.doing("acquire")
        asked = program.program.camera
        request = Request(job.after_ns, job.deadline_ns, job.trigger.part_id, asked)
        inspection.frame = frame = acquire(bench.camera, request, program.size)
        inspection.step("acquire")
        bench.doing("locator and quality gate")
        locator = program.program.locator
        aside = locator is not None and pays(job, frame)
        with bench.gate.beside(frame, bench.settings.camera.quality, aside=aside):
            inspection.pose, inspection.placement = locate(frame, locator, program.locator)
        inspection.step("locate")
        inspection.findings = measure(
            frame, inspection.placement, program, job.trigger, doing=bench.doing
        )
        inspection.step("measure")
        inspection.verdict, inspection.fault = judge(inspection, program)
        inspection.step("judge")
    except Problem as problem:
        inspection.fail(problem)
    except Exception as error:
        log.exception("station %s: inspection of %s failed", bench.id, job.trigger_id)
        inspection.fail(Problem("INTERNAL", f"{type(error).__name__}: {error}"))
    bench.doing("")
    bench.saw(job.row, inspection)
    return inspection.told()
