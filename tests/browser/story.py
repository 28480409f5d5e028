"""What happens on the line while somebody looks: triggers and their results."""

import json
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.browser.plant import Plant
from tests.rooms.promise.promise import wait_for


def trigger(plant: Plant, station: str, **trigger: Any) -> None:
    """One trigger over MQTT, as a PLC sends it."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", plant.broker.port)
    client.loop_start()
    try:
        topic = f"inspection/v1/node-01/trigger/{station}"
        client.publish(topic, json.dumps(trigger).encode(), 1).wait_for_publish(5)
    finally:
        client.disconnect()
        client.loop_stop()


def results(plant: Plant) -> list[dict[str, Any]]:
    """All results, oldest first."""
    from schemas.store.history.filter import Filter
    from schemas.store.history.rows import History

    history = History(plant.node.ledger)
    rows: list[Any] = []
    cursor = None
    while True:
        page = history.page(Filter(), 200, cursor, "oldest")
        rows += page.rows
        cursor = page.cursor
        if cursor is None:
            return [row._asdict() for row in rows]


def some_results(plant: Plant, count: int) -> None:
    """That many results of the drawn line, one after the other."""
    there = len(results(plant))
    for number in range(count):
        trigger(plant, "cam1", part_id=f"part-{there + number}")
        wait_for(lambda wanted=there + number + 1: len(results(plant)) >= wanted, 60, "a result")  # type: ignore[misc]


def until(plant: Plant, *verdicts: str) -> None:
    """Makes results of the drawn line until the newest, which is a new one, has one of these
    verdicts."""
    for _ in range(60):
        some_results(plant, 1)
        if results(plant)[-1]["verdict"] in verdicts:
            return
    raise AssertionError(f"no {verdicts} in 60 parts")


def a_result(plant: Plant, verdict: str) -> str:
    """The id of the drawn line's newest result that has this verdict and its pictures; sends
    triggers until there is one."""
    for _ in range(60):
        drawn = [row for row in results(plant) if row["station"] == "cam1"]
        found = [row for row in drawn if row["verdict"] == verdict and row["pictures"]]
        if found:
            return str(found[-1]["result_id"])
        some_results(plant, 1)
    raise AssertionError(f"no {verdict} in 60 parts")
