"""A `ringgate dev` of a test's own, on free ports; certificates; a TLS server that is not ours."""

import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import time


class Dev:
    """`ringgate dev` on free ports."""

    def __init__(self, build, *arguments):
        self.folder = tempfile.TemporaryDirectory()
        self.log = pathlib.Path(self.folder.name) / "log"
        with open(self.log, "wb") as file:
            self.process = subprocess.Popen(
                [build / "services" / "ringgate", "dev", "--shards", "1",
                 "--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                 *(() if "--data" in arguments else ("--data", "memory")), *arguments],
                stdout=file, stderr=subprocess.STDOUT)

    def wait_match(self, pattern):
        """The first match in what it prints."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            text = self.log.read_text(encoding="utf-8")
            if found := re.search(pattern, text, re.M):
                return found
            time.sleep(0.02)
        raise AssertionError(f"ringgate dev does not say {pattern}: {text}")

    def target(self, scheme="tcp"):
        found = self.wait_match(rf"^listening {scheme} (\S+)$")
        return f"{scheme}://{found[1]}" + ("/" if scheme.startswith("ws") else "")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.folder.cleanup()


class Authority:
    """A certificate authority in a folder, by the openssl command."""

    def __init__(self, folder, name="authority"):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.pem = self.folder / f"{name}.pem"
        self.openssl("req", "-x509", *self.new_key(name), "-out", self.pem, "-days", "2",
                     "-subj", f"/CN={name}")

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.folder / f"{name}.key")

    def make(self, name, names, days=1):
        """The files of a certificate for `names`, as openssl writes them, and its key. `days` below
        0: it has expired."""
        pem, request = self.folder / f"{name}.pem", self.folder / f"{name}.csr"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        self.openssl("req", *self.new_key(name), "-out", request, "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey",
                     self.folder / f"{self.name}.key", "-CAcreateserial", "-extfile", extensions,
                     "-days", str(days), "-out", pem)
        return pem, self.folder / f"{name}.key"


class Relay:
    """Speaks TLS to clients, and nothing to what is behind it. `chosen`: what each agreed on."""

    def __init__(self, context, target):
        self.context, self.target = context, target
        self.chosen = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as client:
                self.chosen.append((client.version(), client.selected_alpn_protocol()))
                with socket.create_connection(self.target) as gateway:
                    threading.Thread(target=self.pump, args=(gateway, client), daemon=True).start()
                    self.pump(client, gateway)
        except OSError:
            pass

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()
