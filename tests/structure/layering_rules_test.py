"""Do the rules of layering.py notice what they are there for?"""

import pathlib
import tempfile
import unittest

import folders
import layering


class LayeringRules(unittest.TestCase):
    def problems(self, path, *lines):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / path
            file.parent.mkdir(parents=True)
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            return layering.check_tree(folder)

    def assert_fine(self, path, *lines):
        self.assertEqual(self.problems(path, *lines), [])

    def assert_wrong(self, path, *lines):
        self.assertEqual(len(self.problems(path, *lines)), 1, (path, lines))

    def test_includes_point_one_way(self):
        self.assert_fine("services/auth/a.cc", '#include "services/auth/b.h"',
                         '#include "codec/bytes.h"')
        self.assert_fine("tests/codec/a.cc", '#include "services/auth/b.h"', '#include "helper.h"')
        self.assert_wrong("codec/a.cc", '#include "dataplane/ring.h"')
        self.assert_wrong("dataplane/a.cc", '#  include "control/config/config.h"')
        self.assert_wrong("control/base/a.cc", '#include "services/auth/token.h"')
        self.assert_wrong("services/auth/a.cc", '#include "tests/helper.h"')
        self.assert_wrong("services/auth/a.cc", '#include "../codec/bytes.h"')
        self.assert_wrong("services/auth/a.cc", '#include "token.h"')

    def test_folders_point_one_way(self):
        self.assert_fine("control/links/a.cc", '#include "control/base/loop.h"',
                         '#include "control/discovery/consul/http.h"')
        self.assert_fine("services/store/redis/a.cc", '#include "services/store/mail_kinds.h"')
        self.assert_fine("services/cli/a.cc", '#include "services/gateway/component.h"')
        self.assert_fine("services/auth/a.cc", '#include "control/links/manager.h"')
        self.assert_wrong("control/base/a.cc", '#include "control/observe/logging.h"')
        self.assert_wrong("control/links/a.cc", '#include "control/config/config.h"')
        self.assert_wrong("control/discovery/consul/a.cc", '#include "control/config/config.h"')
        self.assert_wrong("services/gateway/a.cc", '#include "services/cli/serve.h"')
        self.assert_wrong("services/gateway/a.cc", '#include "services/logic/mail.h"')
        self.assert_wrong("services/store/redis/a.cc", '#include "services/logic/mail.h"')

    def test_files_have_a_folder(self):
        self.assert_wrong("services/a.cc")
        self.assert_wrong("control/attic/a.cc")
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) / "services" / "auth"
            folder.mkdir(parents=True)
            for count in range(layering.MAX_FILES + 1):
                self.assertEqual(layering.check_tree(name), [])
                (folder / f"{count}.cc").write_text("\n", encoding="utf-8")
            self.assertEqual(len(layering.check_tree(name)), 1)

    def test_there_are_no_circles(self):
        a, b, c = ("services/gateway/a/a.h", "services/gateway/b/b.h", "services/gateway/c.h")
        for fine in ({a: [b], b: []}, {a: [c], c: [b]}, {a: [b, c]}, {"codec/a.h": ["codec/tls/a.h"], "codec/tls/a.h": []}):
            self.assertEqual([*folders.check_circles(fine)], [], fine)
        of_folders = {"services/gateway/a/a.cc": [b], "services/gateway/b/sub/b.cc": [a]}
        of_headers = {"codec/a.h": ["codec/tls/b.h"], "codec/tls/b.h": ["codec/c.h"], "codec/c.h": ["codec/a.h"]}
        for wrong in (of_folders, of_headers):
            self.assertEqual(len([*folders.check_circles(wrong)]), 1, wrong)

    def test_tests_mirror_the_folders(self):
        with tempfile.TemporaryDirectory() as name:
            root, path = pathlib.Path(name), pathlib.Path("services/auth/own/a.cc")
            self.assertEqual(len([*folders.check_mirror(root, [path])]), 1)
            (root / "tests" / path.parent).mkdir(parents=True)
            (root / "tests" / path.parent / "a_test.cc").touch()
            self.assertEqual([*folders.check_mirror(root, [path])], [])
            self.assertEqual(len([*folders.check_mirror(root, [pathlib.Path("services/wsecho/a.cc")])]), 1)

    def test_libraries_have_one_place(self):
        self.assert_fine("dataplane/uring.cc", "#include <liburing.h>")
        self.assert_fine("dataplane/uring_create.cc", "#include <liburing.h>")
        self.assert_wrong("dataplane/shard.cc", "#include <liburing.h>")
        self.assert_wrong("services/doctor/ring.cc", "#include <liburing/io_uring.h>")
        self.assert_fine("control/discovery/consul/http.cc", "#include <curl/curl.h>")
        self.assert_wrong("control/discovery/file.cc", "#include <curl/curl.h>")
        self.assert_fine("services/store/redis/store.cc", "#include <hiredis/async.h>")
        self.assert_wrong("services/store/memory.cc", "#include <hiredis/async.h>")
        self.assert_wrong("control/base/a.cc", "#include <sqlite3.h>")

    def test_the_fast_path_has_no_protobuf(self):
        self.assert_fine("codec/header_slow.cc", '#include "codec/pkt.pb.h"')
        self.assert_fine("services/handlers/login.cc", '#include "codec/pkt.pb.h"')
        self.assert_wrong("codec/rewrite.cc", '#include "codec/pkt.pb.h"')
        self.assert_wrong("dataplane/shard.cc", "#include <google/protobuf/arena.h>")

    def test_files_are_short(self):
        self.assert_fine("codec/a.cc", *["//"] * layering.MAX_LINES)
        self.assert_wrong("codec/a.cc", *["//"] * (layering.MAX_LINES + 1))

    def test_a_large_class_says_why(self):
        most = ["void f(int a = 1);"] * layering.classes.MOST_PRIVATE
        more = [*most, "[[nodiscard]] std::map<int, int> g(const A& a) const {", "if (a()) { h(); }", "return {};", "}"]
        data = ["int a_ = 0;", "std::function<void(int)> done_;", "A b_{1, [] { return 2; }};", "struct B;",
                "struct C {", "void h();", "};", "using D = std::function<void()>;"]
        for members, open_ones in ((most, []), (data, most), (most, ["public:", "void f();", "void g();"])):
            self.assert_fine("codec/a.h", "#pragma once", "class A final : public B {", " private:", *members,
                             *(["int x_;"] if not open_ones else open_ones), "};")
        head = ["class A {", *more, "};"]
        self.assert_wrong("codec/a.h", "#pragma once", *head)
        self.assert_fine("codec/a.h", "#pragma once", *head[:1], "public:", *head[1:])
        self.assert_fine("codec/a.h", "#pragma once", "struct A {", *head[1:])
        self.assert_fine("codec/a.h", "#pragma once", "// So many, in one", "// class because of that.", *head)

    def test_headers_are_included_once(self):
        self.assert_fine("codec/a.h", "#pragma once")
        self.assert_wrong("codec/a.h", "struct A {};")


unittest.main()
