"""Do the rules of layering.py notice what they are there for?"""

import pathlib
import tempfile
import unittest

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
        self.assert_fine("services/a.cc", '#include "services/b.h"', '#include "codec/bytes.h"')
        self.assert_fine("tests/codec/a.cc", '#include "services/b.h"', '#include "helper.h"')
        self.assert_wrong("codec/a.cc", '#include "dataplane/ring.h"')
        self.assert_wrong("dataplane/a.cc", '#  include "control/config.h"')
        self.assert_wrong("control/a.cc", '#include "services/token.h"')
        self.assert_wrong("services/a.cc", '#include "tests/helper.h"')
        self.assert_wrong("services/a.cc", '#include "../codec/bytes.h"')
        self.assert_wrong("services/a.cc", '#include "token.h"')

    def test_libraries_have_one_place(self):
        self.assert_fine("dataplane/ring.cc", "#include <liburing.h>")
        self.assert_fine("dataplane/ring_create.cc", "#include <liburing.h>")
        self.assert_wrong("dataplane/shard.cc", "#include <liburing.h>")
        self.assert_wrong("services/doctor.cc", "#include <liburing/io_uring.h>")
        self.assert_fine("control/consul_http.cc", "#include <curl/curl.h>")
        self.assert_wrong("control/registry.cc", "#include <curl/curl.h>")
        self.assert_fine("services/store_redis.cc", "#include <hiredis/async.h>")
        self.assert_wrong("services/login.cc", "#include <hiredis/async.h>")
        self.assert_wrong("control/login.cc", "#include <sqlite3.h>")

    def test_the_fast_path_has_no_protobuf(self):
        self.assert_fine("codec/header_slow.cc", '#include "codec/pkt.pb.h"')
        self.assert_fine("services/login.cc", '#include "codec/pkt.pb.h"')
        self.assert_wrong("codec/rewrite.cc", '#include "codec/pkt.pb.h"')
        self.assert_wrong("dataplane/shard.cc", "#include <google/protobuf/arena.h>")

    def test_files_are_short(self):
        self.assert_fine("codec/a.cc", *["//"] * layering.MAX_LINES)
        self.assert_wrong("codec/a.cc", *["//"] * (layering.MAX_LINES + 1))

    def test_headers_are_included_once(self):
        self.assert_fine("codec/a.h", "#pragma once")
        self.assert_wrong("codec/a.h", "struct A {};")


unittest.main()
