"""Time of `pitch` over a comb of 60 teeth, ms of the thread, least of 30; and its value in px.

The first rows have teeth so narrow for their blur that each edge is looked at by itself
(`node/vision/edges/half.py`), the last one has not. `python -m tests.bench.vision.teeth`.
"""

import time

from node.tools.pitch import learn, measure
from schemas import Pitch
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

TEETH = 60
# px from tooth to tooth, px of a tooth, blur in px, rows of the region
COMBS = ((8, 4, 1.0, 20), (8, 3, 1.0, 20), (9, 4, 1.0, 80), (12, 6, 0.8, 80))


def comb(pitch: int, tooth: int, blur: float) -> Scene:
    """Light teeth on dark gray."""
    scene = Scene.plain(TEETH * pitch + 80, 120, 60.0)
    for number in range(TEETH):
        scene = bar(scene, 45 + number * pitch, 59.5, tooth, 140, 170.0)
    return scene.blurred(blur)


def main() -> None:
    """Print a row for each comb."""
    print("| pitch | tooth | blur | rows | value | ms |\n|" + "---|" * 6)
    for pitch, tooth, blur, rows in COMBS:
        where = region(15, 20, TEETH * pitch + 50, rows)
        tool = Pitch(name="pitch", region=where, low=0.0)
        scene, times = comb(pitch, tooth, blur), []
        learned, frame = learn(scene.frame(3, 1).view(where), tool), scene.frame(3, 2)
        for _ in range(30):
            view = frame.view(where)
            began = time.thread_time()
            value = measure(view, tool, learned).value
            times.append(1000 * (time.thread_time() - began))
        print(f"| {pitch} | {tooth} | {blur} | {rows} | {value:.12f} | {min(times):.1f} |")


if __name__ == "__main__":
    main()
