"""A ping's user space by itself: shard_ping_bench, a whole shard over a ring that does nothing."""

from .children import Children

LIMIT_S = 120


def ping_alone(bench, _load):
    repetitions = 7 if bench.plan.quick else 25
    with Children(bench.work) as children:
        child = children.start(
            "shard_ping_bench",
            [bench.binary("shard_ping_bench"), f"--benchmark_repetitions={repetitions}",
             f"--benchmark_min_time={0.05 if bench.plan.quick else 0.1}"], bench.cpus[:1])
        child.wait(LIMIT_S)
        said = child.wait_for(r"median user-space time of a ping: tcp ([\d.]+) ns, ws ([\d.]+) ns")
    return {"user_us": float(said[1]) / 1000, "ws_user_us": float(said[2]) / 1000}
