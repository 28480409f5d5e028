"""The care of stations: cameras that come back, maintenance that was forgotten, their alarms."""

from collections.abc import Mapping

from broker.outbox import Outbox
from node.alarms import Alarms
from node.chores.precedence import Precedence
from node.gpio.driver import LineDriver
from node.station import Station
from schemas import Problem


class StationCare:
    """Sets the alarms CAMERA, OUTPUTS, PROGRAM, HUNG, CRASHED, REALTIME and FAULT of each
    station."""

    def __init__(
        self,
        stations: Mapping[str, Station],
        driver: LineDriver,
        alarms: Alarms,
        outbox: Outbox,
        precedence: Precedence,
    ) -> None:
        self._stations = stations
        self._driver = driver
        self._alarms = alarms
        self._outbox = outbox
        self._precedence = precedence

    def cameras(self) -> None:
        """Open again what is closed, and tell what is wrong."""
        for station in self._stations.values():
            if station.worker.camera_problem is not None:
                station.worker.open_camera()
            problem = station.worker.camera_problem
            known = f"CAMERA.{station.id}" in self._alarms.active
            if (problem is not None) != known:
                kind = "camera.lost" if problem else "camera.found"
                self._outbox.event(
                    kind,
                    station.id,
                    {"code": problem.code, "message": problem.message} if problem else {},
                )
            self._alarms.set("CAMERA", problem.message if problem else None, station.id)
            lines = self._driver.problem(station.id)
            self._alarms.set("OUTPUTS", lines.message if lines else None, station.id)
            program = station.active_program()
            self._alarms.set(
                "PROGRAM", program.message if isinstance(program, Problem) else None, station.id
            )
            self._alarms.set(
                "HUNG", "an inspection hangs" if station.thread.hanging else None, station.id
            )
            self._alarms.set("CRASHED", station.crash, station.id)
            unmet = self._precedence.unmet if station.settings.priority else None
            self._alarms.set("REALTIME", station.worker.unmet or unmet, station.id)
            self._alarms.set("FAULT", station.fault, station.id)

    def maintenance(self) -> None:
        """End a maintenance that nobody has given a sign of for long."""
        for station in self._stations.values():
            if station.end_forgotten():
                self._outbox.event(
                    "station.maintenance_ended", station.id, {"why": "no sign for 15 minutes"}
                )
