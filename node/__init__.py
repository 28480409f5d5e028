"""What happens to one part: trigger, acquire, locate, measure, judge, output, publish. Read
inspection.py first."""

import os

# Read by numpy when it is imported: its threads wait by computing, so a product takes 3 times the
# CPU time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
