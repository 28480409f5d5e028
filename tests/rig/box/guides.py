"""The guides, word by word on the box: the blocks of the pages that need a machine of their own."""

import shlex

from tests.rig.box.machines import Box
from tests.rig.box.stories import answered, well
from tests.rooms.installation.processes import ROOT
from tests.told_commands import PAGES, blocks

# Somebody who follows a guide is root here, in the source tree, part of which is on the box.
PLACE = """
mkdir -p /root/guide/deploy
for each in /root/inspection-node/install /root/src/deploy/install; do
  [ ! -d $each ] || ln -sfn $each /root/guide/deploy/install
done
printf '#!/bin/sh\\nexec "$@"\\n' > /usr/local/bin/sudo
chmod +x /usr/local/bin/sudo
"""


def guides(box: Box) -> str:
    """Every block that is marked `box`, page by page; then node and web are well as before."""
    box.run(PLACE)
    ran, wrong = 0, []
    for page in PAGES:
        for block in blocks(page):
            if block.where == "box":
                name = f"{page.relative_to(ROOT)}:{block.line}"
                script = f"cd /root/guide; sh -ec {shlex.quote(block.text)}"
                done = box.run(script, check=False, limit_s=400)
                ran += len(block.commands)
                if done.returncode != 0:
                    wrong.append(f"{name}: {(done.stderr or done.stdout)[-300:]}")
    well(box)
    answered(box)
    assert not wrong, "; ".join(wrong)
    return f"{ran} commands of the guides, each as it is written"
