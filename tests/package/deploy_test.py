"""usage: deploy_test.py BUILD_FOLDER. What deploy/ has for containers, checked by what is here of those who read
it: the schemas of Compose and Kubernetes, promtool, and ringgate itself for its configurations."""

import copy
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

import skips

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
# Carries the schemas of Kubernetes.
VALIDATOR = "kubernetes-validate==1.37.0"
ALLOW, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
# In the layout of Docker's default.json, with a rule of each kind that it has.
PROFILE = {
    "defaultAction": ERRNO,
    "defaultErrnoRet": 1,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": None}],
    "syscalls": [
        {"names": ["accept4", "close", "read", "write"], "action": ALLOW},
        {"names": ["ptrace"], "action": ALLOW, "includes": {"minKernel": "4.8"}},
        {"names": ["socket"], "action": ALLOW, "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]},
        {"names": ["arch_prctl"], "action": ALLOW, "includes": {"arches": ["amd64", "x32"]}},
        {"names": ["bpf", "clone3", "mount"], "action": ALLOW, "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["clone"], "action": ALLOW, "comment": "no new namespaces",
         "args": [{"index": 0, "value": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}],
         "excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]}},
        {"names": ["clone3"], "action": ERRNO, "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
    ],
}
# What Docker knows in a rule: of another key it says that there is no such.
KEYS_OF_RULES = {"names", "action", "errnoRet", "args", "comment", "includes", "excludes"}
CALLS = {"io_uring_setup", "io_uring_enter", "io_uring_register"}


def run(*words, code=0, **options):
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120,
                           check=False, **options)
    if ended.returncode != code:
        raise AssertionError(f"{words} ended with {ended.returncode}: {ended.stdout}{ended.stderr}")
    return ended.stdout + ended.stderr


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text).group(1))


class Temporary(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class Seccomp(Temporary):
    def make(self, profile, code=0):
        return run(DEPLOY / "seccomp", self.file("default.json", json.dumps(profile)), code=code)

    def test_it_allows_the_three_calls_and_changes_nothing_else(self):
        made = json.loads(self.make(PROFILE))
        added = made["syscalls"].pop()
        self.assertEqual(set(added["names"]), CALLS)
        self.assertEqual(added["action"], ALLOW)
        # Whatever the machine and the container's capabilities are: no "includes", no "excludes".
        self.assertEqual(set(added), {"names", "action", "comment"})
        self.assertLessEqual(set(added), KEYS_OF_RULES)
        self.assertEqual(made, PROFILE)

    def test_one_of_before_docker_25_allows_them_twice(self):
        old = copy.deepcopy(PROFILE)
        old["syscalls"][0]["names"] += sorted(CALLS)
        made = json.loads(self.make(old))
        self.assertEqual(set(made["syscalls"].pop()["names"]), CALLS)
        self.assertEqual(made, old)

    def test_what_is_no_such_profile_is_refused(self):
        forbidden = {"names": ["io_uring_enter"], "action": ERRNO, "errnoRet": 38}
        without_names = {"name": "read", "action": ALLOW, "args": []}  # as it was before Docker 1.13
        for profile in ([], {}, dict(PROFILE, defaultAction=ALLOW),
                        dict(PROFILE, syscalls=[*PROFILE["syscalls"], forbidden]),
                        dict(PROFILE, syscalls=[forbidden | {"action": "SCMP_ACT_KILL"}]),
                        dict(PROFILE, syscalls=[without_names | {"action": ERRNO}])):
            with self.subTest(profile=profile):
                self.assertRegex(self.make(profile, code=1), "^seccomp: ")


class Configurations(Temporary):
    build = None

    def check(self, role, text):
        """As ringgate judges it, with secrets that are there."""
        secret = self.file("secret", "s" * 40)
        url = self.file("url", "postgresql://ringgate:password@postgres/ringgate")
        text = re.sub(r"AppSecretFile: \S+", f"AppSecretFile: {secret}", text)
        text = re.sub(r"MessageStoreFile: \S+", f"MessageStoreFile: {url}", text)
        text = re.sub(r"RegistryFile: \S+", f"RegistryFile: {self.folder}/services.json", text)
        file = self.file(f"{role}.yaml", text)
        environment = dict(os.environ, RINGGATE_SERVICEID="one", RINGGATE_PUBLICADDRESS="10.0.0.7")
        self.assertIn("is good", run(self.build / "services/ringgate", role, "-c", file, "--check-config",
                                     env=environment))

    def test_those_of_compose_are_good(self):
        for role in ("gateway", "login", "chat"):
            self.check(role, (DEPLOY / "config" / f"{role}.yaml").read_text())

    def test_those_of_kubernetes_are_good(self):
        maps = [item for item in objects() if item["kind"] == "ConfigMap"]
        self.assertEqual(len(maps), 3)
        for item in maps:
            ((name, text),) = item["data"].items()
            self.check(name.removesuffix(".yaml"), text)

    def test_those_of_the_package_are_good(self):
        for file in (ROOT / "packaging/etc").iterdir():
            self.check(file.stem.partition("-")[0], file.read_text())

    @unittest.skipUnless(shutil.which("promtool"), "no promtool here")
    def test_prometheus_takes_its_own(self):
        text = (DEPLOY / "config/prometheus.yml").read_text()
        rules = ROOT / "docs/monitoring/ringgate.rules.yml"
        file = self.file("prometheus.yml", text.replace("/etc/prometheus/ringgate.rules.yml", str(rules)))
        run("promtool", "check", "config", file)


class Compose(Temporary):
    def setUp(self):
        super().setUp()
        self.compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())

    @unittest.skipUnless(shutil.which("docker-compose"), "no docker-compose here")
    def test_it_is_good(self):
        shutil.copytree(DEPLOY, self.folder / "deploy")
        self.file("deploy/seccomp.json", json.dumps(PROFILE))
        for name in ("app_secret", "message_store", "postgres_password"):
            self.file(f"deploy/secrets/{name}", "x")
        run("docker-compose", "config", "-q", cwd=self.folder / "deploy")

    def test_what_it_mounts_is_there(self):
        for name, service in self.compose["services"].items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((DEPLOY / source).is_file(), f"{name}: {source}")

    def test_all_of_ours_are_scraped_and_may_use_io_uring(self):
        scraped = yaml.safe_load((DEPLOY / "config/prometheus.yml").read_text())
        targets = {target.split(":")[0] for target in scraped["scrape_configs"][0]["static_configs"][0]["targets"]}
        ours = {name for name, service in self.compose["services"].items() if service["image"] == "ringgate"}
        self.assertEqual(targets, ours)
        for name in ours:
            self.assertIn("seccomp=./seccomp.json", self.compose["services"][name]["security_opt"])
            self.assertGreater(seconds(self.compose["services"][name]["stop_grace_period"]), 10, "DrainTime")


def objects():
    return [item for file in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
            for item in yaml.safe_load_all(file.read_text()) if item]


class Kubernetes(Temporary):
    def test_every_pod_is_probed_drained_and_may_use_io_uring(self):
        pods = [item["spec"]["template"]["spec"] for item in objects() if item["kind"] == "StatefulSet"]
        texts = {name: text for item in objects() if item["kind"] == "ConfigMap"
                 for name, text in item["data"].items()}
        self.assertEqual(len(pods), 3)
        for pod in pods:
            (container,) = pod["containers"]
            with self.subTest(container["name"]):
                self.assertEqual(pod["securityContext"]["seccompProfile"]["type"], "Localhost")
                for probe, path in (("startupProbe", "/health"), ("livenessProbe", "/health"),
                                    ("readinessProbe", "/ready")):
                    self.assertEqual(container[probe]["httpGet"]["path"], path)
                wait = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
                found = re.search(r"DrainTime: (\S+)", texts[container["name"] + ".yaml"])
                drain = seconds(found.group(1)) if found else 10
                self.assertGreaterEqual(pod["terminationGracePeriodSeconds"], wait + drain + 10)

    def test_the_schemas_take_them(self):
        place = ROOT / ".cache" / "kubernetes-validate-1.37.0"
        if not place.exists():
            part = place.with_suffix(f".{os.getpid()}")
            made = subprocess.run([sys.executable, "-m", "venv", part], capture_output=True, check=False)
            got = subprocess.run([part / "bin/python", "-m", "pip", "install", "-q", VALIDATOR],
                                 capture_output=True, text=True, check=False, timeout=110) if not made.returncode else made
            if got.returncode != 0:
                shutil.rmtree(part, ignore_errors=True)
                self.skipTest(f"{VALIDATOR} cannot be had here")
            part.rename(place)
        validate = "from kubernetes_validate.__main__ import main; import sys; sys.exit(main())"
        for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
            run(place / "bin/python", "-c", validate, "--strict", file)


class Image(unittest.TestCase):
    def test_what_it_runs_is_there_and_the_last_stage_is_small(self):
        text = (DEPLOY / "Dockerfile").read_text()
        stages = re.split(r"^FROM ", text, flags=re.M)[1:]
        self.assertEqual(len(stages), 2)
        self.assertNotIn("scripts/setup", stages[1])
        self.assertIn("USER ringgate", stages[1])
        self.assertIn("rm -rf /tmp/ringgate_*.deb /var/lib/apt/lists/* /etc/ringgate/secret", stages[1])
        for script in set(re.findall(r"scripts/\w+", text)):
            self.assertTrue((ROOT / script).is_file(), script)


if __name__ == "__main__":
    Configurations.build = pathlib.Path(sys.argv[1])
    skips.main()
