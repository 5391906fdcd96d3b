"""usage: cluster.py ROOT. A system at ROOT that has only the package: the cluster of its example configuration is
started there as systemd would, carries a talk, and ends. In namespaces of its own (package_test.py), so ports
and processes are nobody else's."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(sys.argv[1])
PATIENCE_S = 60


def chroot(*words, user=None, **options):
    who = [f"--userspec={user}:{user}"] if user else []
    return subprocess.Popen(["chroot", *who, str(ROOT), *words], **options)


def wait(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never {what}")
        time.sleep(0.02)


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


class Unit:
    """ringgate@INSTANCE, and what it tells its manager."""

    def __init__(self, instance):
        self.instance = instance
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.settimeout(PATIENCE_S)
        self.manager.bind(str(ROOT / "run" / f"notify-{instance}"))
        os.chmod(ROOT / "run" / f"notify-{instance}", 0o666)
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NOTIFY_SOCKET": f"/run/notify-{instance}",
                       "WATCHDOG_USEC": "30000000"}
        self.process = chroot("/usr/lib/ringgate/serve", instance, user="ringgate", env=environment)

    def told(self, line):
        while line not in self.manager.recv(8192).decode().splitlines():
            pass

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.told("STOPPING=1")
        code = self.process.wait(PATIENCE_S)
        assert code == 0, f"{self.instance} ended with {code}"


def client(account, **options):
    return chroot("/usr/bin/ringgate", "client", "tcp://127.0.0.1:8001", "--account", account,
                  "--secret-file", "/etc/ringgate/secret", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                  text=True, **options)


def line_with(stream, text):
    for line in stream:
        if text in line:
            return
    raise AssertionError(f"never said: {text}")


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", str(ROOT / "proc")], check=True)
    for folder in ("run/ringgate", "var/lib/ringgate"):  # RuntimeDirectory and StateDirectory
        (ROOT / folder).mkdir(exist_ok=True)
        subprocess.run(["chroot", str(ROOT), "chown", "ringgate:ringgate", "/" + folder], check=True)
    redis = chroot("/usr/bin/redis-server", "--port", "6379", "--save", "", stdout=subprocess.DEVNULL)
    wait("redis", lambda: listens(6379))
    units = [Unit(instance) for instance in ("login", "chat", "gateway")]
    for unit in units:
        unit.told("READY=1")
        unit.told("WATCHDOG=1")
    for port in (8081, 8083, 8084):
        wait(f"ready at {port}", lambda port=port: status(f"http://127.0.0.1:{port}/ready") == 200)
    bob = client("bob")
    line_with(bob.stdout, "logged in as bob")
    alice = client("alice")
    alice.stdin.write("talk bob hello\nquit\n")
    alice.stdin.flush()
    line_with(bob.stdout, "from alice: hello")
    assert alice.wait(PATIENCE_S) == 0
    for unit in reversed(units):
        unit.end()
    bob.wait(PATIENCE_S)
    redis.terminate()
    redis.wait(PATIENCE_S)
    print("the cluster ran")


if __name__ == "__main__":
    main()
