"""Every time limit that holds the process together, in one table, in seconds.

Who waits under a lock gives up before anybody is missed; who is missed ends the process before the unit's watchdog does, which
is there for the watch itself; and all parts of an end together are over before 10 s. Limits of one part (a camera's, a
program's, a command's) are settings, and stand in the part's own deadline.

The one exception: moving a log of gigabytes, once whoever held it is gone, takes as long as the disk needs. Nobody waits for
it.
"""

from broker.side import Times
from schemas.store.ledger.engine import WAIT_S

# Waits under a lock
LEDGER_S = WAIT_S  # for a commit: then it is refused, or keeps its place in line

# Heartbeats: how long a thread may stand still
BEAT_S = 8.0
CHORES_BEAT_S = 24.0  # they load programs and look through folders
KEEPING_BEAT_S = 120.0  # the exception above
CHALLENGE_S = 1.5  # of the thread of commands at a time, for faults that are drawn and inspected; others are asked for later
STILL_S = 2.0  # the watch did not run for so long: the machine stood still, and nobody is held to his beat

# The unit's watchdog (WatchdogSec): the watch tells it every second that it lives
WATCHDOG_S = 30.0

# The end
FINISH_S = 2.0  # for the parts that are being inspected
STOP_S = 0.5  # beside them: commands, chores, keeping
ANSWER_S = 1.5  # for those that wait
APART_S = 2.5  # for whatever ends beside one another: lines, pictures, broker, cameras
BROKER_STOP_S = 2.0
CLOSE_S = 1.0
END_S = FINISH_S + STOP_S + ANSWER_S + APART_S + CLOSE_S

# The broker: to connect, until a connection without a sign of life is dead, for the last message
BROKER = Times(connect_s=5.0, dead_s=15.0, farewell_s=BROKER_STOP_S / 2)
DEAD_S = 17.0  # the promise about dead connections
