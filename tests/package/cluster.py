"""usage: cluster.py ROOT OPERATIONS_MD. A system at ROOT that has only the package, Redis and Prometheus: the commands
of "Five processes on one machine" are carried out there, systemctl's as systemd would; it talks, is watched, and ends.
In namespaces of its own (package_test.py), so ports and processes are nobody else's."""

import contextlib
import json
import os
import pathlib
import re
import shlex
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(sys.argv[1])
PAGE = pathlib.Path(sys.argv[2])
HEADING = "### Five processes on one machine"
MOST_COMMANDS = 9
SUCCESS = '"status":"success"'  # of Prometheus
PATIENCE_S = 60
PATHS = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def chroot(*words, user=None, **options):
    who = [f"--userspec={user}:{user}"] if user else []
    return subprocess.Popen(["chroot", *who, str(ROOT), *words], **options)


def wait(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"never {what}")
        time.sleep(0.05)
    return found


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def asked(url):
    """Its JSON, or None."""
    with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)["data"]


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


class Unit:
    """ringgate@INSTANCE, and what it tells its manager."""

    def __init__(self, instance):
        self.instance = instance
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.settimeout(PATIENCE_S)
        self.manager.bind(str(ROOT / "run" / f"notify-{instance}"))
        os.chmod(ROOT / "run" / f"notify-{instance}", 0o666)
        environment = dict(PATHS, NOTIFY_SOCKET=f"/run/notify-{instance}", WATCHDOG_USEC="30000000")
        self.process = chroot("/usr/lib/ringgate/serve", instance, user="ringgate", env=environment)
        self.told("READY=1")
        self.told("WATCHDOG=1")

    def told(self, line):
        while line not in self.manager.recv(8192).decode().splitlines():
            pass

    def forget(self):
        """A socket of datagrams holds ten; what comes while it is full is lost, as nobody may wait for it."""
        while select.select([self.manager], [], [], 0)[0]:
            self.manager.recv(8192)

    def end(self):
        self.forget()
        self.process.send_signal(signal.SIGTERM)
        self.told("STOPPING=1")
        code = self.process.wait(PATIENCE_S)
        assert code == 0, f"{self.instance} ended with {code}"


class Other:
    """A unit of another package: what its file says is run."""

    def __init__(self, name):
        file = (ROOT / "lib/systemd/system" / f"{name}.service").read_text()
        words = re.search(r"^ExecStart=(.*)$", file, re.M).group(1).replace("$ARGS", "")
        user = re.search(r"^User=(\w+)$", file, re.M).group(1)
        self.process = chroot(*shlex.split(words), user=user, env=PATHS, cwd=ROOT,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)


class Manager:
    """Does what systemctl would."""

    def __init__(self):
        for folder in ("run/ringgate", "var/lib/ringgate"):  # RuntimeDirectory and StateDirectory
            (ROOT / folder).mkdir(exist_ok=True)
            subprocess.run(["chroot", str(ROOT), "chown", "ringgate:ringgate", "/" + folder], check=True)
        # The package of Redis starts it.
        self.redis = chroot("/usr/bin/redis-server", "--port", "6379", "--save", "", stdout=subprocess.DEVNULL)
        wait("redis", lambda: listens(6379))
        self.units = []

    def systemctl(self, *words):
        names = [word for word in words if word not in ("enable", "--now", "restart", "start")]
        for name in names:
            role, _, instance = name.partition("@")
            self.units.append(Unit(instance) if role == "ringgate" else Other(name))

    def end(self):
        for unit in reversed(self.units):
            unit.end()
        self.redis.terminate()
        self.redis.wait(PATIENCE_S)


def commands():
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(HEADING + "\n")
    return re.search(r"^```sh\n(.*?)^```$", rest, re.M | re.S).group(1).splitlines()


def carry_out(manager, line):
    """What it printed."""
    words = shlex.split(line)
    if words[0] == "apt":  # the system was made with these
        missing = [name for name in words[2:] if not name.startswith("./") and
                   not (ROOT / f"var/lib/dpkg/info/{name}.list").exists()]
        assert not missing, f"the system has no {missing}"
        return ""
    if words[0] == "systemctl":
        manager.systemctl(*words[1:])
        return ""
    ended = chroot("/bin/sh", "-c", line, env=PATHS, stdout=subprocess.PIPE, text=True)
    said, _ = ended.communicate(timeout=PATIENCE_S)
    assert ended.returncode == 0, f"{line} ended with {ended.returncode}: {said}"
    return said


def client(port, account):
    return chroot("/usr/bin/ringgate", "client", f"tcp://127.0.0.1:{port}", "--account", account, "--secret-file",
                  "/etc/ringgate/secret", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line_with(stream, text):
    for line in stream:
        if text in line:
            return
    raise AssertionError(f"never said: {text}")


def is_watched(monitors):
    """Prometheus has looked at each of them, and judged each of our rules, none of which says anything."""
    def all_up():
        targets = asked("http://127.0.0.1:9090/api/v1/targets") or {"activeTargets": []}
        up = {one["labels"]["instance"] for one in targets["activeTargets"] if one["health"] == "up"}
        return up == {f"127.0.0.1:{port}" for port in monitors}

    def judged():
        groups = (asked("http://127.0.0.1:9090/api/v1/rules") or {"groups": []})["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if rules and all(rule["health"] == "ok" for rule in rules) else None
    wait("are all of them up in Prometheus", all_up)
    rules = wait("are our rules judged", judged)
    firing = [rule["name"] for rule in rules if rule.get("state") == "firing"]
    assert not firing, f"{firing} fire while all is well"
    return len(rules)


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", str(ROOT / "proc")], check=True)
    lines = commands()
    assert len(lines) <= MOST_COMMANDS, f"{len(lines)} commands"
    manager = Manager()
    bob = None
    for line in lines:
        if "ringgate client" in line:  # to whom it talks, at the other gateway
            bob = client(8001, "bob")
            line_with(bob.stdout, "logged in as bob")
        said = carry_out(manager, line)
        if "api/v1" in line:
            assert SUCCESS in said, f"Prometheus said {said}"
        if "/ready" in line:
            monitors = [8081, 8091, 8083, 8084, 8085]
            for port in monitors:
                wait(f"ready at {port}", lambda port=port: is_ready(port))
    line_with(bob.stdout, "from alice: hello")
    rules = is_watched(monitors)
    manager.end()
    bob.wait(PATIENCE_S)
    print(f"the cluster ran: {len(lines)} commands, 5 processes, watched by {rules} rules")


if __name__ == "__main__":
    main()
