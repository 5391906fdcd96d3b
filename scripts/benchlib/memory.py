"""What idle connections take, in the kernel and in the gateway.

Kernel memory is the growth of the slabs, read before and while connections are held. Both ends of a
connection are on this machine, so two things are held that differ at one end only:

  held-pairs    bare_accept, by bare_accept --connect: two bare sockets for each connection; half of
                the growth is one bare accepted socket
  held-bare     bare_accept, by ringbench: a bare accepted socket and ringbench's end
  held-gateway  the gateway, by ringbench: what it takes beyond held-bare is the gateway's own
  held-tls      the same over wss
"""

import dataclasses
import re
import signal
import subprocess
import time

from . import servers
from .children import Children
from .machine import memory_bytes, read
from .model import Server
from .say import Trouble, say

CONNECTIONS = 14_000
PAGE_BYTES = 4096
STEADY_BYTES = 64 * 1024
STRANGERS = 0.01  # of our sockets, those of others that change the result by less than its spread
ATTEMPTS = 3
LONGEST_S = 90
POINTER_BYTES = 8  # to what TLS adds, in a table of the shard
IDLE_POLL_S = 1
GIVEN_BACK_S = 12  # after which nobody has used what logging in took, and the pool gives it back

# What files and ended connections leave behind: others on the machine change these, and a socket in
# TIME_WAIT of the run before is none that is held now.
NOT_SOCKETS = re.compile(
    r"ext4|xfs|btrfs|jbd2|bio|buffer_head|radix_tree|proc_inode|shmem_inode|^inode_cache|kernfs|"
    r"tw_sock|request_sock|vm_area|anon_vma|maple_node|task_struct|mm_struct|signal_cache|sighand")


def kernel_bytes():
    lines = read("/proc/slabinfo").splitlines()[2:]
    if not lines:  # not root
        return memory_bytes("Slab")
    total = 0
    for line in lines:
        words = line.split()
        if not NOT_SOCKETS.search(words[0]):
            total += int(words[-2]) * int(words[5]) * PAGE_BYTES  # slabs, pages of each
    return total


def steady(measure, within=STEADY_BYTES, seconds=15, stays_s=0.9):
    """What it measures once that stays: sockets are freed, and memory is taken, a little later."""
    end = time.monotonic() + seconds
    last = measure()
    calm_since = time.monotonic()
    while time.monotonic() < min(end, calm_since + stays_s):
        time.sleep(0.3)
        now = measure()
        if abs(now - last) > within:
            calm_since = time.monotonic()
        last = now
    return last


def sockets():
    """Of TCP, that the kernel holds memory for."""
    return int(re.search(r"^TCP:.* alloc (\d+)", read("/proc/net/sockstat"), re.M)[1])


class Growth:
    """Of kernel memory, from before the connections to while they are held."""

    def __init__(self):
        self.bytes_before = steady(kernel_bytes)
        self.sockets_before = sockets()

    def bytes(self):
        """Trouble when it is not ours alone: somebody else's tests may come and go beside."""
        grown = steady(kernel_bytes) - self.bytes_before
        strangers = sockets() - self.sockets_before - 2 * CONNECTIONS
        if abs(strangers) > CONNECTIONS * STRANGERS:
            raise Trouble(f"{strangers:+,} sockets of others came or went while memory was read: "
                          "measure when the machine is quiet")
        return grown


def rss_bytes(pid):
    return int(read(f"/proc/{pid}/statm").split()[1]) * PAGE_BYTES


def wait_until(what, condition, child):
    end = time.monotonic() + LONGEST_S
    while not condition():
        if child.process.poll() is not None:
            raise child.trouble("has ended")
        if time.monotonic() > end:
            raise Trouble(f"{what} did not happen in {LONGEST_S} s")
        time.sleep(0.2)


def hold(bench, children, target, extra):
    """ringbench, which holds connections that say nothing until it is told to stop."""
    return children.start(
        "ringbench-hold",
        [bench.binary("ringbench"), "idle", "--target", target,
         "--connections", CONNECTIONS, "--heartbeat", "168h", "--warmup", "0s",
         "--duration", f"{2 * LONGEST_S}s", "--drain", "0s", *extra], bench.generator_cpus)


def start_accept(bench, children):
    return servers.start_floor(bench, children, "bare_accept", Server("bare_accept"),
                               bench.cpus[:1])


def held_pairs(bench, children):
    floor = start_accept(bench, children)
    growth = Growth()
    children.start("bare_connect", [bench.binary("bare_accept"), "--connect",
                                    floor.address, "--connections", CONNECTIONS],
                   bench.generator_cpus)
    floor.child.wait_for(rf"^held {CONNECTIONS}$", LONGEST_S)
    return {"kernel_bytes": growth.bytes() / CONNECTIONS / 2}


def held_bare(bench, children):
    floor = start_accept(bench, children)
    growth = Growth()
    hold(bench, children, f"tcp://{floor.address}", ["--raw"])
    floor.child.wait_for(rf"^held {CONNECTIONS}$", LONGEST_S)
    return {"kernel_bytes": growth.bytes() / CONNECTIONS}


def polls_idle(bench):
    """Whether this gateway trades the receive of an idle client for a poll."""
    told = subprocess.run([bench.binary("ringgate"), "gateway", "--help"],
                          capture_output=True, text=True, check=False)
    return "IdlePollAfter" in told.stdout


def held_gateway(bench, children):
    return held(bench, children, Server("gateway"), "tcp")


def held_tls(bench, children):
    return held(bench, children, Server("gateway", tls=True), "wss")


def held(bench, children, server, scheme):
    polls = polls_idle(bench)
    config = (f"IdlePollAfter: {IDLE_POLL_S}s",) if polls else ()
    gateway = servers.start_gateway(bench, children, "gateway",
                                    dataclasses.replace(server, config=config), bench.cpus[:1],
                                    bench.generator_cpus)

    def metric(name):
        return servers.metrics(gateway)[name]

    growth = Growth()
    pool_before = metric("ringgate_pool_reserved_bytes")
    rss_before = rss_bytes(gateway.child.pid)
    # Sixteen letters of account.
    holder = hold(bench, children, f"{scheme}://{gateway.addresses[scheme]}",
                  ["--registry-file", gateway.registry, "--account-prefix", "memory-16-",
                   *(["--tls-insecure"] if server.tls else [])])
    wait_until(f"the login of {CONNECTIONS} clients",
               lambda: metric("ringgate_channels") == CONNECTIONS, holder)
    if polls:
        wait_until("a poll for each idle client",
                   lambda: metric("ringgate_clients_polled") == CONNECTIONS, holder)
    pool = steady(lambda: metric("ringgate_pool_reserved_bytes"), 0, 3 * GIVEN_BACK_S,
                  GIVEN_BACK_S) - pool_before
    grown = {"kernel_bytes": growth.bytes(), "pool_bytes": pool,
             "rss_bytes": rss_bytes(gateway.child.pid) - rss_before}
    holder.signal(signal.SIGINT)
    each = {key: value / CONNECTIONS for key, value in grown.items()}
    place = connection_bytes(bench) + (POINTER_BYTES if server.tls else 0)
    return each | {"user_bytes": each["pool_bytes"] + place}


def connection_bytes(bench):
    """Of a client's place in a shard's table, which is taken at the start."""
    told = subprocess.run([bench.binary("connection_bytes")], capture_output=True,
                          text=True, check=True)
    return int(told.stdout)


HOLDS = {"held-pairs": held_pairs, "held-bare": held_bare, "held-gateway": held_gateway,
         "held-tls": held_tls}


def measure(bench, load):
    for left in reversed(range(ATTEMPTS)):
        try:
            with Children(bench.work) as children:
                return HOLDS[load.name](bench, children)
        except Trouble as trouble:
            if not left:
                raise
            say(f"{load.name}, once more: {trouble}")
