"""Makes a master from a picture that somebody sent, while no node is running to do so.

`python -m node.pictures.recode`: a picture in, a picture out; with `small`, one for lists.

It is decoded and encoded as the node does it, in this process of its own, confined as the node's
decoder is (node/pictures/sandbox.py) and for one picture: it ends with 0 and the master on its
output, or with 1 and the problem as JSON.
"""

import json
import resource
import sys

from node.pictures.decode import decode
from node.pictures.sandbox import confined
from node.pictures.writer import exact, small
from schemas import Problem
from schemas.store.programs import MAX_MASTER_BYTES

# beside a web that may have 1500 MB with it: 36 million pixels of four 16-bit channels take 900
MEMORY_BYTES = 1200 * 1024**2
LIMIT_S = 20


def main() -> int:
    """The child's exit code."""
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))  # its parent may be gone
    sink = confined(MEMORY_BYTES)
    try:
        pixels = decode(sys.stdin.buffer.read(), foreign=True)
        answer = small(pixels) if sys.argv[1:] == ["small"] else exact(pixels, MAX_MASTER_BYTES)
        code = 0
    except Problem as problem:
        answer, code = json.dumps({"code": problem.code, "message": problem.message}).encode(), 1
    with sink:
        sink.write(answer)
    return code


if __name__ == "__main__":
    sys.exit(main())
