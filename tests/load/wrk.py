"""The same mix by wrk, which asks as fast as it is answered and takes a tenth of a processor for
it: where web and load share a machine, Locust measures itself from about 500 requests per second
on.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from tests.load.asked import ASKED

SCRIPT = """
local asked, bag, number, token = {%s}, {}, 0, os.getenv("WEB_TOKEN")
for _, each in ipairs(asked) do for _ = 1, each[1] do bag[#bag + 1] = each end end
function request()
  local each = bag[math.random(#bag)]
  number = (number + 1) %% 60000
  local from = string.format("10.7.%%d.%%d", math.floor(number %% 1000 / 250), number %% 250 + 1)
  local headers = {["X-Forwarded-For"] = from, ["Accept-Encoding"] = "gzip, deflate"}
  if each[3] then headers["Authorization"] = "Bearer " .. token end
  return wrk.format("GET", each[2], headers)
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("seen %%d %%d %%.1f %%.1f %%.1f %%.1f\\n", summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout, summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
"""


def script() -> str:
    """What is asked, in wrk's Lua."""
    rows = (f'{{{a.weight}, "{a.path}", {str(a.account).lower()}}}' for a in ASKED)
    return SCRIPT % ", ".join(rows)


def run(users: int, seconds: int, url: str, token: str) -> list[float]:
    """Requests, failures, requests per second, and times in ms (50, 95, 99 %). A request that is
    not answered within 20 s is a failure. Raises RuntimeError with what wrk says if it counted
    nothing."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        lua = Path(folder, "mix.lua")
        lua.write_text(script())
        words = ["wrk", "-t1", f"-c{users}", f"-d{seconds}s", "--timeout", "20s", "--latency"]
        words += ["-s", str(lua), url]
        done = subprocess.run(
            words,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "WEB_TOKEN": token},
            timeout=seconds + 60,
        )
    found = re.search(r"^seen (.*)$", done.stdout, re.MULTILINE)
    if found is None:
        raise RuntimeError((done.stdout + done.stderr)[-800:])
    return [float(each) for each in found[1].split()]
