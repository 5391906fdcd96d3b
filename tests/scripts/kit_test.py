"""find_package(ringgate): the example service, copied out of the tree and built with what is installed."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run(*words, **options):
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=100,
                           check=False, **options)
    assert ended.returncode == 0, f"{words}: {ended.stdout}{ended.stderr}"


class Kit(unittest.TestCase):
    build = None  # a build tree with everything in it
    hello_test = None

    def test_the_example_builds_with_what_is_installed_and_serves(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            run("cmake", "--install", self.build, "--component", "development", "--prefix",
                folder / "installed")
            shutil.copytree(ROOT / "services" / "examples" / "hello", folder / "hello")
            run("cmake", "-G", "Ninja", "-S", folder / "hello", "-B", folder / "build",
                f"-DCMAKE_PREFIX_PATH={folder / 'installed'}")
            run("cmake", "--build", folder / "build")
            run(self.hello_test,
                env=dict(os.environ, RINGGATE_TEST_HELLO=str(folder / "build" / "hello")))
            self.assertTrue((folder / "installed/share/ringgate/pkt.proto").is_file())
            for header in (folder / "installed").rglob("*.h"):
                self.assertNotIn(str(ROOT), header.read_text(), header)


if __name__ == "__main__":
    Kit.build, Kit.hello_test = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    unittest.main(argv=sys.argv[:1])
