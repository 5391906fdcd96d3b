"""Gateways, the services behind them, and floors: started for a cell, on the CPUs that it says."""

import collections
import json
import random
import re
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass

from .say import Trouble

READY_S = 20
METRIC = re.compile(r"(?P<name>\w+)(\{.*\})? (?P<value>\S+)$")


@dataclass
class Running:
    """A server that listens."""

    child: object
    addresses: dict  # {scheme: HOST:PORT}
    registry: str = ""  # file that a played service enters itself into
    monitor: int = 0  # port of /metrics

    @property
    def address(self):
        return self.addresses["tcp"]


def free_port():
    """A port that nobody has, from below those that the kernel gives to sockets that connect."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def write_config(path, keys, lines=()):
    # JSON strings and numbers are YAML.
    text = [f"{key}: {json.dumps(value)}" for key, value in keys.items()]
    path.write_text("\n".join([*text, *lines]) + "\n", encoding="utf-8")


def service_config(role, registry):
    config = {"ServiceID": f"bench-{role}", "Listen": "127.0.0.1:0", "RegistryFile": str(registry),
              "Shards": 1, "PinShards": False, "LogLevel": "error"}
    if role == "chat":
        config["MemorySessions"] = True
        config["MessageStore"] = "memory"
    return config


def gateway_config(server, registry, monitor):
    # Twelve letters, as in the target of memory. Clients that are held say nothing for an hour.
    return {"ServiceID": "gateway-0001", "Listen": ["127.0.0.1:0", "ws://127.0.0.1:0/"],
            "RegistryFile": str(registry), "MonitorPort": monitor, "Shards": server.shards,
            "PinShards": False, "LogLevel": "error", "SignoutKeep": "0s",
            "IdleTimeout": "1h", "Depends": ["login", "echo"]}


def wait_ready(child, monitor):
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{monitor}/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise child.trouble(f"is not ready after {READY_S} s")


def metrics(running):
    """{name: value}, shards and other labels added up."""
    try:
        url = f"http://127.0.0.1:{running.monitor}/metrics"
        with urllib.request.urlopen(url, timeout=20) as page:
            lines = page.read().decode().splitlines()
    except OSError as error:
        raise Trouble(f"the gateway's /metrics cannot be read: {error}") from error
    values = collections.Counter()
    for line in lines:
        if found := METRIC.match(line):
            values[found["name"]] += float(found["value"])
    return values


def make_certificate(folder):
    """(certificate, key), of the run's folder and made once: ECDSA with P-256, as servers have it."""
    certificate, key = folder / "server.pem", folder / "server.key"
    if not certificate.exists():
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
            capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Trouble(f"openssl cannot make a certificate: {made.stderr}")
    return certificate, key


def with_tls(config, folder):
    certificate, key = make_certificate(folder)
    return config | {"Listen": [*config["Listen"], "tls://127.0.0.1:0", "wss://127.0.0.1:0/"],
                     "TlsCert": str(certificate), "TlsKey": str(key)}


def announced(child, schemes):
    return {scheme: child.wait_for(rf"^listening {scheme} (\S+)").group(1) for scheme in schemes}


def start_floor(bench, children, name, server, cpus, service_cpus=None):
    argv = [bench.binary(server.kind), "--listen", "127.0.0.1:0", *server.args]
    if server.behind:
        service = children.start(f"{name}.service", [bench.binary(server.behind)], service_cpus)
        argv += ["--service", announced(service, ["tcp"])["tcp"]]
    if server.shards > 1:
        argv += ["--shards", server.shards]
    child = children.start(name, argv, cpus)
    address = announced(child, ["tcp"])["tcp"]
    return Running(child, {scheme: address for scheme in ("tcp", "tls")})


def start_peer(bench, children, name, server, cpus):
    certificate, key = make_certificate(children.folder)
    child = children.start(name, [bench.binary(server.kind), "--cert", certificate, "--key", key],
                           cpus)
    return Running(child, announced(child, ["wss"]))


def start_gateway(bench, children, name, server, cpus, service_cpus):
    ringgate = bench.binary("ringgate")
    folder = children.folder
    registry = folder / f"{name}.services.json"
    registry.unlink(missing_ok=True)
    lines = list(server.config)
    if server.services == "real":
        lines.append("Routes: {login: chat}")
        for role in ("chat", "echo"):
            write_config(folder / f"{name}.{role}.yaml", service_config(role, registry))
            service = children.start(
                f"{name}.{role}", [ringgate, role, "-c", folder / f"{name}.{role}.yaml"],
                service_cpus)
            service.wait_for(r"^listening tcp (\S+)")
    monitor = free_port()
    config = gateway_config(server, registry, monitor)
    if server.admin:
        config["AdminPort"] = monitor
    if server.tls:
        config = with_tls(config, folder)
    write_config(folder / f"{name}.yaml", config, lines)
    child = children.start(name, [ringgate, "gateway", "-c", folder / f"{name}.yaml"], cpus)
    schemes = ("tcp", "ws", "tls", "wss") if server.tls else ("tcp", "ws")
    running = Running(child, announced(child, schemes), str(registry), monitor)
    if server.services == "real":
        running.registry = ""
        wait_ready(child, monitor)
    return running


def start_servers(bench, children, cell, names):
    """{name: Running}, of those that are needed."""
    server_cpus = bench.cpus[:1] if cell.pinned else bench.cpus
    other_cpus = bench.cpus[1:2] if cell.pinned else bench.cpus
    running = {}
    for name in names:
        server = cell.servers[name]
        if server.kind == "gateway":
            running[name] = start_gateway(bench, children, name, server, server_cpus, other_cpus)
        elif server.tls:
            running[name] = start_peer(bench, children, name, server, server_cpus)
        else:
            running[name] = start_floor(bench, children, name, server, server_cpus,
                                        other_cpus)
    return running
