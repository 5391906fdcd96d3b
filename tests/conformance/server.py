"""`ringgate wsecho` as a child process, on a port of the system's choice."""

import contextlib
import functools
import pathlib
import re
import select
import signal
import ssl
import subprocess
import sys
import tempfile
import time

LISTENING = re.compile(rb"listening (wss?) (\S+):(\d+)\n")
# Whom clients of wss:// trust: a file of certificates, beside the machine's.
TRUSTED = []
START_LIMIT_S = 20
STOP_LIMIT_S = 20


def read_address(process):
    seen = b""
    deadline = time.monotonic() + START_LIMIT_S
    while not (found := LISTENING.search(seen)):
        left = deadline - time.monotonic()
        ready, _, _ = select.select([process.stdout], [], [], max(left, 0))
        part = process.stdout.read1(4096) if ready else b""
        if not part:
            raise RuntimeError(f"no 'listening ws HOST:PORT' on stdout, only {seen!r}")
        seen += part
    scheme, host, port = (part.decode() for part in found.groups())
    return f"{scheme}://{host}:{port}/"


def ssl_of(url):
    """What a client needs for a URL; None: no TLS."""
    return context_trusting(*TRUSTED) if url.startswith("wss:") else None


@functools.cache
def context_trusting(*files):
    """Made once: it reads all that the machine trusts, which takes 30 ms of a CPU, and while one of
    fifty clients does so, the others wait."""
    context = ssl.create_default_context()
    for file in files:
        context.load_verify_locations(file)
    return context


def make_certificate(folder):
    """Its files, and its key's, for 127.0.0.1 and a day."""
    certificate, key = (pathlib.Path(folder) / name for name in ("echo.pem", "echo.key"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=wsecho",
         "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)  # fmt: skip
    return certificate, key


class Echo:
    """A running `ringgate wsecho`."""

    def __init__(self, process, url):
        self.url = url
        self._process = process
        self._stopping = False

    def stop(self):
        """SIGTERM, once."""
        if not self._stopping:
            early = self._process.poll()
            if early is not None:
                raise RuntimeError(f"the server ended during the run, with {early}")
            self._process.send_signal(signal.SIGTERM)
        self._stopping = True

    def wait(self):
        code = self._process.wait(STOP_LIMIT_S)
        if code != 0:
            raise RuntimeError(f"the server ended with {code} after SIGTERM")


@contextlib.contextmanager
def certificate_flags(tls):
    if not tls:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="ringgate-wsecho-") as folder:
        certificate, key = make_certificate(folder)
        TRUSTED.append(certificate)
        yield ["--tls-cert", certificate, "--tls-key", key]
        TRUSTED.remove(certificate)


@contextlib.contextmanager
def wsecho(binary, tls=False):
    """Yields an Echo. Raises when the server did not come up or did not end with 0."""
    with certificate_flags(tls) as flags, run_wsecho(binary, flags) as echo:
        yield echo


@contextlib.contextmanager
def run_wsecho(binary, flags):
    command = [binary, "wsecho", "--listen", "127.0.0.1:0", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        echo = Echo(process, read_address(process))
        yield echo
        echo.stop()
        echo.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


@contextlib.contextmanager
def server(options):
    """The URL to test, from the two options below."""
    if options.server:
        yield options.server
        return
    with wsecho(options.binary, options.tls) as echo:
        yield echo.url


def add_options(parser):
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--server", metavar="URL", help="a running echo server: ws://HOST:PORT/")
    parser.add_argument("--tls", action="store_true", help="with --binary: over wss://")
    which.add_argument("--binary", metavar="PATH", help="ringgate: its wsecho is started")


def run_against_server(options, test):
    """`test(url)` gives the number of failures; returns the exit code."""
    try:
        with server(options) as url:
            failures = test(url)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 1 if failures else 0
