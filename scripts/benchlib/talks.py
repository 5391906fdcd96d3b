"""scripts/bench-talks: what a talk costs with each message store behind the chat service."""

import argparse
import json
import os
import pathlib
import pwd
import secrets
import shutil
import sqlite3
import subprocess
import tempfile

from .children import Children
from .options import positive
from .processes import descendants
from .say import Trouble, say
from .servers import free_port, wait_ready, write_config

STORES = ("memory", "sqlite", "postgresql")
TICK = os.sysconf("SC_CLK_TCK")
ABOUT = """\
Talks of 64 clients in parallel, through a gateway and a chat service of one shard each, with each
message store: once as fast as they are answered, once at half of that rate, or at another. Prints the talks per
second, their times and the CPU time per talk of each process. Every talk that was answered has to
be in the store."""
MORE = """\
PostgreSQL is the newest that is installed, started for this with its defaults but the port. The
stores are on the disk that has --folder.

Exit codes: 0 measured; 1 something failed, or a talk that was answered is not in the store; 2 usage;
130 interrupted."""


def parser():
    parse = argparse.ArgumentParser(prog="scripts/bench-talks", description=ABOUT, epilog=MORE,
                                    allow_abbrev=False,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--seconds", type=positive, default=120, metavar="N",
                       help="how long each is measured (default 120)")
    parse.add_argument("--connections", type=positive, default=64, metavar="N",
                       help="clients, an even number: they talk in pairs (default 64)")
    parse.add_argument("--rate", type=positive, metavar="N",
                       help="talks per second of the second measurement (default: half of the first)")
    parse.add_argument("--store", action="append", choices=STORES, help="only these")
    parse.add_argument("--build", type=pathlib.Path, metavar="DIR",
                       default=pathlib.Path("build/release"), help="(default build/release)")
    parse.add_argument("--folder", type=pathlib.Path, metavar="DIR",
                       help="for the stores and logs (default: one for temporary files)")
    return parse


class Postgres:
    """A server of its own, in `folder`; not as root, which it refuses."""

    def __init__(self, children, folder, cpus):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            raise Trouble("there is no PostgreSQL here: run scripts/setup --tests")
        self.programs = found[-1].parent
        self.prefix = []
        if os.geteuid() == 0:
            self.prefix = ["runuser", "-u", "postgres", "--"]
            user = pwd.getpwnam("postgres")
            folder.mkdir()
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.folder, self.port = folder, free_port()
        self.tell("initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust")
        self.server = children.start("postgresql", [
            *self.prefix, self.programs / "postgres", "-D", folder / "data", "-k", folder,
            "-p", self.port, "-c", "listen_addresses=127.0.0.1"], cpus)
        self.server.wait_for("ready to accept connections")
        self.tell("createdb", "-h", folder, "-p", self.port, "-U", "postgres", "messages")

    def tell(self, program, *words):
        ended = subprocess.run([str(word) for word in
                                (*self.prefix, self.programs / program, *words)],
                               capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise Trouble(f"{program} failed: {ended.stderr.strip()}")
        return ended.stdout

    @property
    def url(self):
        return f"postgresql://postgres@127.0.0.1:{self.port}/messages"

    def messages(self):
        return int(self.tell("psql", "-h", self.folder, "-p", self.port, "-U", "postgres", "-Atc",
                             "SELECT count(*) FROM message_content", "messages"))


def cpu_s(pids):
    """User and system time, of those that are still there."""
    total = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
        except OSError:
            continue
        total += sum(int(field) for field in fields.split()[11:13])
    return total / TICK


class Bench:
    """One store: the processes around it, and what ringbench and /proc say of them."""

    def __init__(self, options, children, folder, store):
        self.options, self.folder, self.store = options, folder, store
        cpus = sorted(os.sched_getaffinity(0))
        self.postgres = Postgres(children, folder / "postgresql", cpus) if store == STORES[2] else None
        self.url = {"memory": "memory", "sqlite": f"sqlite://{folder / 'messages.db'}"}.get(
            store, self.postgres and self.postgres.url)
        registry = folder / "services.json"
        ringgate = options.build / "services" / "ringgate"
        write_config(folder / "chat.yaml", {
            "ServiceID": "chat01", "Listen": "127.0.0.1:0", "RegistryFile": str(registry),
            "Shards": 1, "PinShards": False, "LogLevel": "error", "MemorySessions": True,
            "MessageStore": self.url})
        self.chat = children.start("chat", [ringgate, "chat", "-c", folder / "chat.yaml"], cpus)
        self.chat.wait_for(r"^listening tcp (\S+)")
        monitor = free_port()
        write_config(folder / "gateway.yaml", {
            "ServiceID": "gateway01", "Listen": "127.0.0.1:0", "RegistryFile": str(registry),
            "MonitorPort": monitor, "Shards": 1, "PinShards": False, "LogLevel": "error",
            "Depends": ["chat"]}, ["Routes: {login: chat}"])
        self.gateway = children.start("gateway", [ringgate, "gateway", "-c", folder / "gateway.yaml"],
                                      cpus)
        self.target = self.gateway.wait_for(r"^listening tcp (\S+)").group(1)
        wait_ready(self.gateway, monitor)

    def pids(self):
        pids = {"gateway": [self.gateway.pid], "chat": [self.chat.pid]}
        if self.postgres:
            pids["postgresql"] = descendants(self.postgres.server.pid)
        return pids

    def run(self, name, *load):
        out = self.folder / f"{name}.json"
        before = {who: cpu_s(pids) for who, pids in self.pids().items()}
        ended = subprocess.run(
            [str(word) for word in (
                self.options.build / "benchmarks" / "ringbench", "talk", "--target",
                f"tcp://{self.target}", "--connections", self.options.connections, "--duration",
                f"{self.options.seconds}s", "--warmup", "0s", "--account-prefix", name, "--json", out,
                *load)], capture_output=True, text=True, check=False)
        if ended.returncode not in (0, 4):
            raise Trouble(f"ringbench failed: {(ended.stderr or ended.stdout).strip()}")
        raw = json.loads(out.read_text(encoding="utf-8"))
        talks = raw["answered"]
        cpu = {who: (cpu_s(pids) - before[who]) / max(talks, 1) * 1e6
               for who, pids in self.pids().items()}
        return raw, talks, cpu

    def stored(self):
        if self.store == "memory":
            return None
        if self.postgres:
            return self.postgres.messages()
        with sqlite3.connect(self.folder / "messages.db") as database:
            return database.execute("SELECT count(*) FROM message_content").fetchone()[0]


def line_of(store, how, raw, cpu):
    times = raw["latency_us"]
    parts = ", ".join(f"{who} {us:.1f}" for who, us in cpu.items())
    kinds = ", ".join(f"{kind} {count}" for kind, count in raw["errors"].items()
                      if count and kind != "total")
    trouble = f"{raw['failed']} ({kinds})" if raw["failed"] or kinds else ""
    return (f"{store:<11} {how:<10} {raw['per_second']:>8.0f} talks/s   p50 {times['p50'] / 1000:.2f} ms"
            f"   p99 {times['p99'] / 1000:.2f} ms   CPU in us a talk: {parts}"
            + (f"   FAILED: {trouble}" if trouble else ""))


def measure(options, folder, store):
    """False: a talk that was answered is not there."""
    folder.mkdir()
    with Children(folder) as children:
        bench = Bench(options, children, folder, store)
        raw, talks, cpu = bench.run("full")
        print(line_of(store, "saturated", raw, cpu), flush=True)
        rate = options.rate or int(raw["per_second"] / 2)
        paced, more, cpu = bench.run("paced", "--rate", rate)
        print(line_of(store, "at a rate" if options.rate else "half of it", paced, cpu), flush=True)
        stored = bench.stored()
        if stored is None:
            return True
        print(f"{store:<11} {talks + more} talks were answered, {stored} are in the store",
              flush=True)
        return stored >= talks + more


def main(words):
    options = parser().parse_args(words)
    if options.connections % 2:
        parser().error("--connections: they talk in pairs")
    options.build = options.build.resolve()
    for program in ("services/ringgate", "benchmarks/ringbench"):
        if not (options.build / program).is_file():
            say(f"{options.build / program} is not built: run scripts/build release")
            return 1
    secret = secrets.token_urlsafe(24)
    os.environ |= {"RINGGATE_APPSECRET": secret, "RINGBENCH_SECRET": secret}
    base = pathlib.Path(tempfile.mkdtemp(prefix="bench-talks.", dir=options.folder))
    base.chmod(0o711)  # PostgreSQL's user has to get through
    try:
        good = [measure(options, base / store, store) for store in options.store or STORES]
    except Trouble as trouble:
        say(trouble)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return 0 if all(good) else 1


