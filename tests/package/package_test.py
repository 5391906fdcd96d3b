"""usage: package_test.py BUILD_FOLDER. scripts/package, and what it makes: installed in a system that has nothing
else, and started there. What needs root or a tool that is not here is skipped with a sentence."""

import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import calls
import skips

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
# Of systemd-analyze security: 0 is the least that a service may, 10 the most.
MOST_EXPOSURE = 2.0


def run(*words, timeout=300, **options):
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=timeout,
                           check=False, **options)
    if ended.returncode != 0:
        raise AssertionError(f"{words} ended with {ended.returncode}: {ended.stdout[-3000:]}{ended.stderr[-3000:]}")
    return ended.stdout + ended.stderr


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def is_root_of_namespaces():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"],
                                                check=False, capture_output=True).returncode == 0


def members(name):
    """The calls of a set of systemd's, or the one call."""
    if not name.startswith("@"):
        return {name}
    words = [line.strip() for line in run("systemd-analyze", "syscall-filter", name).splitlines()[1:]]
    return set().union(*(members(word) for word in words if word and not word.startswith("#")))


class Package(unittest.TestCase):
    build = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.first, cls.second = cls.folder / "first", cls.folder / "second"
        run(ROOT / "scripts/package", "--no-build", "--output", cls.first)
        run(ROOT / "scripts/package", "--no-build", "--output", cls.second)
        (cls.deb,) = cls.first.glob("ringgate_*.deb")

    def test_twice_gives_the_same_bytes(self):
        self.assertEqual(len(digests(self.first)), 3)
        self.assertEqual(digests(self.first), digests(self.second))

    @unittest.skipUnless(shutil.which("lintian"), "no lintian here")
    def test_lintian_finds_no_error(self):
        run("lintian", "--fail-on", "error", self.deb)

    def contents(self):
        folder = self.folder / "contents"
        if not folder.exists():
            run("dpkg-deb", "-x", self.deb, folder)
        return folder

    def test_every_command_has_a_page(self):
        said = run(self.build / "services/ringgate", "--help")
        commands = re.findall(r"^  (\w\S*) ", said[said.index("Subcommands:"):], re.M)
        self.assertIn("gateway", commands)
        for name in ("ringgate", "ringbench", *(f"ringgate-{command}" for command in commands)):
            page = self.contents() / f"usr/share/man/man1/{name}.1.gz"
            self.assertEqual(run("man", "--warnings", "-l", page, env=dict(os.environ, LC_ALL="C.UTF-8",
                             MANROFFOPT="-ww", MANWIDTH="100")).splitlines()[0].split("(")[0], name.upper())

    def complete(self, *words):
        file = self.contents() / "usr/share/bash-completion/completions/ringgate"
        return run("bash", "-c", f'source {file}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ringgate; '
                   'echo "${COMPREPLY[@]}"', "bash", *words).split()

    def test_bash_completes(self):
        self.assertIn("gateway", self.complete("ringgate", ""))
        self.assertEqual(self.complete("ringgate", "store", "che"), ["check"])
        self.assertEqual(self.complete("ringgate", "gateway", "--che"), ["--check-config"])
        self.assertIn("/etc/passwd", self.complete("ringgate", "gateway", "--config", "/etc/pass"))
        self.assertEqual(self.complete("ringgate", "token", "--account", ""), [])

    @unittest.skipUnless(shutil.which("zsh"), "no zsh here")
    def test_zsh_reads_its_completion(self):
        for file in (self.contents() / "usr/share/zsh/vendor-completions").iterdir():
            run("zsh", "-n", file)

    def test_the_symbols_are_those_of_the_programs(self):
        (symbols,) = self.first.glob("ringgate-dbgsym_*.deb")
        listed = run("dpkg-deb", "-c", symbols)
        for program in ("ringgate", "ringbench"):
            notes = run("readelf", "-n", self.contents() / "usr/bin" / program)
            identity = re.search(r"Build ID: (\w+)", notes).group(1)
            self.assertIn(f"/.build-id/{identity[:2]}/{identity[2:]}.debug", listed)

    @unittest.skipUnless(shutil.which("strace") and shutil.which("systemd-analyze"), "no strace or systemd here")
    def test_the_units_filter_allows_what_a_process_does(self):
        unit = (ROOT / "packaging/systemd/ringgate@.service").read_text()
        allowed = set()
        for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
            named = set().union(*(members(word) for word in line.lstrip("~").split()))
            allowed = allowed - named if line.startswith("~") else allowed | named
        self.assertIn("io_uring_enter", allowed)
        self.assertNotIn("chroot", allowed)
        folder = self.folder / "calls"
        folder.mkdir(mode=0o755)
        self.folder.chmod(0o755)  # PostgreSQL is somebody else
        world = calls.World(self.build / "services/ringgate", folder)
        self.addCleanup(world.kill)
        ways = {"io_uring": lambda: world.all_in_one("io_uring"), "epoll": lambda: world.all_in_one("epoll"),
                "takeover": world.takeover}
        if calls.postgres_programs() and shutil.which("redis-server"):
            ways["stores"] = world.stores
        for name, way in ways.items():
            with self.subTest(name):
                done = way()
                self.assertEqual("io_uring_enter" in done, name != "epoll")
                self.assertEqual("recvmsg" in done, name == "takeover")
                # SQLite gives a file its owner, but only as root, which the unit is not.
                self.assertEqual(done - allowed - {"fchown"}, set())
        if "stores" not in ways:
            self.skipTest("no PostgreSQL or no Redis here")

    def test_the_tarball_needs_nothing_but_glibc(self):
        (tar,) = self.first.glob("*.tar.gz")
        run("tar", "-C", self.folder, "-xzf", tar)
        (top,) = self.folder.glob("ringgate-*-linux-*")
        # Elsewhere there is only what glibc has.
        other = self.folder / "other"
        for line in run("ldd", top / "bin/ringgate").splitlines():
            found = re.search(r"(/\S+) \(0x", line)
            if found and not found.group(1).startswith(str(top)):
                self.assertRegex(found.group(1), r"/(lib(c|m|dl|rt|pthread|resolv|anl)\.so\.\d|ld-linux\S*)$")
                at = other / found.group(1).lstrip("/")
                at.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(os.path.realpath(found.group(1)), at)
        if not is_root_of_namespaces():
            self.skipTest("only root may change its root")
        shutil.move(top, other / "ringgate")
        (other / "proc").mkdir()
        for program in ("ringgate", "ringbench"):
            said = run("unshare", "--mount", "--pid", "--fork", "sh", "-c",
                       f"mount -t proc proc {other}/proc && exec chroot {other} /ringgate/bin/{program} --version")
            self.assertRegex(said, rf"^{program} \d")

    def system(self):
        """A system of Debian's with what the package depends on, and then the package."""
        if not shutil.which("mmdebstrap") or not is_root_of_namespaces():
            self.skipTest("a system of its own takes mmdebstrap, root and namespaces")
        needed = re.search(r"^ Depends: (.*)", run("dpkg-deb", "-I", self.deb), re.M).group(1)
        wanted = ["redis-server", "prometheus", "curl", *(re.match(r"\S+", part.strip()).group() for part in needed.split(","))]
        base = self.build / f"package-system-{hashlib.sha256(repr(wanted).encode()).hexdigest()[:12]}.tar"
        if not base.exists():
            part = base.with_suffix(f".{os.getpid()}.tar")
            ended = subprocess.run(
                ["mmdebstrap", "--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io",
                 "--dpkgopt=path-exclude=/usr/share/doc/*", "--include=" + ",".join(wanted), "bookworm", part],
                capture_output=True, text=True, check=False)
            if ended.returncode != 0:
                part.unlink(missing_ok=True)
                self.skipTest("no system of Debian can be made here: " + ended.stderr[-500:])
            part.rename(base)
        root = self.folder / "system"
        root.mkdir()
        run("tar", "-C", root, "--exclude=./dev/*", "-xf", base)
        shutil.copy(self.deb, root / "tmp/ringgate.deb")
        for name, minor in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
            os.mknod(root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            os.chmod(root / "dev" / name, 0o666)
        run("chroot", root, "dpkg", "-i", "/tmp/ringgate.deb")
        return root

    def test_what_is_installed_does_what_the_page_says(self):
        """Each drill of docs/operations.md."""
        said = run(ROOT / "scripts/drills", "--binary", self.contents() / "usr/bin/ringgate", timeout=600)
        self.assertRegex(said, r"(\d+) of \1 do what the page says")

    def test_it_is_installed_started_used_and_removed(self):
        root = self.system()
        self.assertEqual((root / "etc/ringgate/secret").stat().st_mode & 0o777, 0o640)
        run("cmp", root / "usr/bin/ringgate", self.contents() / "usr/bin/ringgate")
        if shutil.which("systemd-analyze"):
            # Beside the units of systemd, which a system as small as this one does not have.
            run("cp", "-rn", "/lib/systemd/system/.", root / "lib/systemd/system")
            said = run("systemd-analyze", "verify", "--man=no", f"--root={root}", "ringgate@gateway.service")
            self.assertNotIn("ringgate", said)
            run("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE * 10:.0f}",
                       f"--root={root}", "ringgate@gateway.service")
        said = run("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", sys.executable, "-B",
                   HERE / "cluster.py", root, ROOT / "docs/operations.md")
        self.assertIn("the cluster ran", said)
        run("chroot", root, "dpkg", "-P", "ringgate")
        self.assertFalse((root / "etc/ringgate/secret").exists())


if __name__ == "__main__":
    Package.build = pathlib.Path(sys.argv[1])
    skips.main()
