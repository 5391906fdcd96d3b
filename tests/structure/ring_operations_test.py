"""usage: ring_operations_test.py SOURCE_ROOT. Does kRingOperations name what the ring uses, and no more?"""

import pathlib
import re
import sys
import unittest

DATAPLANE = pathlib.Path(sys.argv.pop(1)) / "dataplane"

# io_uring_prep_NAME -> IORING_OP_...
OPERATIONS = {
    "accept": "ACCEPT", "accept_direct": "ACCEPT", "cancel64": "ASYNC_CANCEL", "close": "CLOSE",
    "close_direct": "CLOSE", "nop": "NOP", "poll_add": "POLL_ADD", "poll_multishot": "POLL_ADD",
    "recv": "RECV", "recv_multishot": "RECV", "rw": "URING_CMD", "send": "SEND", "sendmsg": "SENDMSG",
    "shutdown": "SHUTDOWN",
}


class RingOperations(unittest.TestCase):
    def test_the_table_names_what_is_used(self):
        used = set()
        for file in sorted(DATAPLANE.glob("uring*.cc")):
            used.update(re.findall(r"io_uring_prep_(\w+)", file.read_text(encoding="utf-8")))
        self.assertTrue(used)
        self.assertEqual(used - OPERATIONS.keys(), set(), "calls that this test does not know")
        table = re.findall(r"\{IORING_OP_(\w+), \"(\w+)\"\}",
                           (DATAPLANE / "ring_operations.h").read_text(encoding="utf-8"))
        for code, name in table:
            self.assertEqual(code, name)
        self.assertEqual({OPERATIONS[call] for call in used}, {code for code, _ in table})


unittest.main()
