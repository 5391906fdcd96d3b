// What --help says around its list of options.
#pragma once

namespace ringgate::bench {

inline constexpr const char* kAbout =
    "A load generator for gateways of the KIM protocol, over TCP and WebSocket.\n"
    "Closed loop (--in-flight): each connection waits for its answers, so a slow target is asked "
    "less often and its times are not latency under load. Open loop (--rate): messages are sent "
    "when they are due whatever the target does, and timed from when they were due.";

inline constexpr const char* kScenarios =
    "ping: basic pings; forward: requests to the echo service; talk: pairs that talk to each "
    "other; push: ringbench's own service pushes to the connections; login: connect, log in, "
    "close, again; idle: heartbeats only; mix: what --mix says";

inline constexpr const char* kExamples =
    "Examples (ringgate dev listens there, and signs with a secret that everybody knows):\n"
    "  export RINGBENCH_SECRET=jwt-1sNzdiSgnNuxyq2g7xml2JvLArU\n"
    "  ringbench ping --target tcp://127.0.0.1:8001 --connections 512 --pid $(pidof ringgate)\n"
    "  ringbench talk --target ws://127.0.0.1:8000/ --connections 200 --rate 5000 --html r.html\n"
    "  ringbench forward --target tcp://127.0.0.1:8001 --rate 20000 --fail-if 'p99>20ms'\n"
    "  ringbench push --target tcp://127.0.0.1:8001 --registry-file services.json \\\n"
    "      --fanout 100 --rate 500        # the gateway has that RegistryFile\n"
    "Exit codes:\n"
    "  0  measured\n"
    "  1  nothing could be measured (the sentence says why), or a result could not be written\n"
    "  2  usage\n"
    "  3  a --fail-if came true, or could not be decided\n"
    "  4  measured, but not what was asked: the target ended, stopped answering, lost or left\n"
    "     without an answer more than 1 % of the connections, or delivered none of the talks; "
    "more\n"
    "     than half of the messages failed (another status, a wrong body, no answer, no delivery, "
    "a\n"
    "     login's connection not closed); it answered pings twice; a signal cut the run short;\n"
    "     ringbench or its machine was the limit";

}  // namespace ringgate::bench
