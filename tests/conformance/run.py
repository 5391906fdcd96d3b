"""A conformance suite of RFC 6455 for an echo server, driven by Debian's python3-autobahn.

usage: run.py (--binary PATH/ringgate | --server ws://HOST:PORT/) [--only PREFIX...] [--quiet]

Its sections are those of the public Autobahn|Testsuite: 1 framing, 2 ping and pong, 3 reserved
bits, 4 opcodes, 5 fragmentation, 6 UTF-8, 7 close, 9 limits, 10 auto-fragmentation; 8 (masks and
lengths) and 11 (the opening handshake) are ours. One line for each case: OK, NON-STRICT (allowed,
but not the best one can do) or FAILED and what was seen. Exit code 1 when one failed.

The public suite itself, for those who have it (`wstest` from crossbario/autobahn-testsuite, a
container or Python 2), runs against the same server:

    ringgate wsecho --listen 127.0.0.1:9001 &
    cat > fuzzingclient.json <<'END'
    {"outdir": "./reports", "servers": [{"agent": "ringgate", "url": "ws://127.0.0.1:9001/"}],
     "cases": ["*"], "exclude-cases": ["12.*", "13.*"], "exclude-agent-cases": {}}
    END
    wstest -m fuzzingclient -s fuzzingclient.json

    docker run --rm --network host -v "$PWD:/w" -w /w crossbario/autobahn-testsuite \\
        wstest -m fuzzingclient -s fuzzingclient.json

12 and 13 are about compression, which is not offered. reports/index.html has the verdicts.
"""

import argparse
import asyncio
import collections
import sys
import time

import cases_close
import cases_fragments
import cases_framing
import cases_limits
import cases_reserved
import cases_upgrade
import cases_utf8
from case import Verdict, judge
from driver import drive
from server import add_options, run_against_server

SECTIONS = (
    cases_framing,
    cases_reserved,
    cases_fragments,
    cases_utf8,
    cases_close,
    cases_limits,
    cases_upgrade,
)

AT_ONCE = 16
HEAVY_AT_ONCE = 2
LIMIT_S = 40
HEAVY_LIMIT_S = 120
CASE_LIMIT_S = 400  # of a whole case, against a defect of the suite


def all_cases(prefixes):
    cases = [case for section in SECTIONS for case in section.cases()]
    twice = [id for id, count in collections.Counter(c.id for c in cases).items() if count > 1]
    if twice:
        raise ValueError(f"ids used twice: {twice}")
    if not prefixes:
        return cases
    return [c for c in cases if any((c.id + ".").startswith(p + ".") for p in prefixes)]


async def run_case(url, case, limit_s):
    if hasattr(case, "run"):
        return await case.run(url, limit_s)
    return judge(case, await drive(url, case, limit_s))


async def run_bounded(url, case, bounds, options):
    scale = options.patience
    limit_s = scale * (HEAVY_LIMIT_S if case.heavy else LIMIT_S)
    async with bounds[case.heavy]:
        try:
            verdict, said = await asyncio.wait_for(
                run_case(url, case, limit_s), scale * CASE_LIMIT_S
            )
        except asyncio.TimeoutError:
            verdict, said = Verdict.FAILED, "not over in time"
        except OSError as error:
            verdict, said = Verdict.FAILED, f"{type(error).__name__}: {error}"
    if verdict != Verdict.OK or not options.quiet:
        print(f"{case.id:16} {verdict.value:10} {case.name}{': ' + said if said else ''}")
    return verdict


async def run_all(url, cases, options):
    bounds = {False: asyncio.Semaphore(AT_ONCE), True: asyncio.Semaphore(HEAVY_AT_ONCE)}
    return await asyncio.gather(*(run_bounded(url, case, bounds, options) for case in cases))


def run_suite(url, options):
    """Returns the number of failures; no case at all is one."""
    cases = all_cases(options.only)
    start = time.monotonic()
    counts = collections.Counter(asyncio.run(run_all(url, cases, options)))
    summary = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict)
    print(f"{len(cases)} cases: {summary}, in {time.monotonic() - start:.1f} s")
    return counts[Verdict.FAILED] if cases else 1


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    parser.add_argument("--only", nargs="+", metavar="PREFIX", help="such as 6.4 or 7")
    parser.add_argument("--quiet", action="store_true", help="no line for what is OK")
    parser.add_argument("--patience", type=float, default=1, help="multiplies all limits of time")
    options = parser.parse_args()
    return run_against_server(options, lambda url: run_suite(url, options))


if __name__ == "__main__":
    sys.exit(main())
