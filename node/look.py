"""READ SECOND. What a worker does of an inspection: acquire, locate, measure, judge, in this order,
at the bench of its station. What is before and after is in inspection.py."""

import logging

from node.acquire import acquire
from node.cameras import Request
from node.judge import judge
from node.locate import locate
from node.measure import measure
from node.seen import Inspection
from node.worker.bench import Bench
from node.worker.seam import LOADING_S, Found, Job
from schemas import Problem

log = logging.getLogger(__name__)


def look(job: Job, bench: Bench) -> Found:
    """What was found out about one part. Never raises."""
    found = Inspection(job)
    try:
        found.program = program = bench.shelf.get(job.program, LOADING_S)
        bench.doing("acquire")
        asked = program.program.camera
        request = Request(job.after_ns, job.deadline_ns, job.trigger.part_id, asked)
        limits = bench.settings.camera.quality
        found.frame, _ = acquire(bench.camera, request, limits, program.size)
        found.step("acquire")
        bench.doing("locator")
        found.pose, found.placement = locate(found.frame, program.program.locator, program.locator)
        found.step("locate")
        found.findings = measure(
            found.frame, found.placement, program, job.trigger, doing=bench.doing
        )
        found.step("measure")
        found.verdict, found.fault = judge(found, program)
        found.step("judge")
    except Problem as problem:
        found.fail(problem)
    except Exception as error:
        log.exception("station %s: inspection of %s failed", bench.id, job.trigger_id)
        found.fail(Problem("INTERNAL", f"{type(error).__name__}: {error}"))
    bench.doing("")
    bench.saw(job.row, found)
    return found.told()
