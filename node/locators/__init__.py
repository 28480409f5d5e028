"""The locators: one file a kind, each two functions.

learn(frame, settings) -> what is kept of the master, once, when a program is loaded; raises
Problem if nothing fixes the place. find(frame, settings, learned) -> Pose; raises Problem if the
part is not found.
"""

from node.kinds import Kinds
from schemas.locators import LOCATOR_MODULES

LOCATORS = Kinds({kind: f"node.locators.{kind}" for kind in LOCATOR_MODULES})
