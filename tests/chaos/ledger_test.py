#!/usr/bin/python3
"""That the ledger sees each breach, that the proxy finds the ends of frames, and that a seed gives one plan."""

import pathlib
import random
import sys
import tempfile
import time
import types
import unittest

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent / "scripts")]

from chaos import wire  # noqa: E402  (found by the line above)
from chaos.ledger import Ledger  # noqa: E402
from chaos.options import ROOT  # noqa: E402
from chaos.plan import KINDS, make_plan  # noqa: E402
from chaos.proxy import Direction, Frames  # noqa: E402
from chaos.say import Diary  # noqa: E402


class Cluster:
    """Of one chat all the time, whose links change when told to."""

    links_changed_at = None

    @staticmethod
    def epoch(_):
        return 1

    def links_changed_since(self, moment):
        return self.links_changed_at is not None and self.links_changed_at >= moment


class LedgerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.messages = wire.load_messages(ROOT / "codec/pkt.proto", cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.diary = Diary(pathlib.Path(self.folder.name), quiet=True)
        self.addCleanup(self.diary.close)
        self.cluster = Cluster()
        self.ledger = Ledger(self.diary, self.cluster, self.messages)
        way = types.SimpleNamespace(name="tcp>gateway1")
        self.alice, self.bob = (self.ledger.connect(name, way, 1) for name in ("alice", "bob"))

    def talk(self, text):
        talk = self.ledger.talk(self.alice, "bob", text, {"bob"})
        self.ledger.ask(self.alice, "chat.user.talk", talk)
        return talk

    def answer(self, sequence, status=0, message_id=0, command="chat.user.talk"):
        body = self.messages.MessageResp(messageId=message_id).SerializeToString() if status == 0 else b""
        self.ledger.on_answer(self.alice, self.messages.Header(command=command, sequence=sequence, status=status), body)

    def push(self, text, message_id, to=None, sender="alice"):
        body = self.messages.MessagePush(messageId=message_id, body=text, sender=sender).SerializeToString()
        self.ledger.on_push(to or self.bob, self.messages.Header(command="chat.user.talk"), body)

    def assert_broken(self, words):
        self.assertEqual(len(self.ledger.breaches), 1, self.ledger.breaches)
        self.assertIn(words, self.ledger.breaches[0])

    def test_what_is_in_order_is_no_breach(self):
        for number, text in enumerate(("t1 a", "t2 b"), 1):
            talk = self.talk(text)
            self.push(text, 100 + number)
            self.answer(number, message_id=100 + number)
            self.assertEqual((talk.status, talk.message_id, talk.got), (0, 100 + number, {"bob": 1}))
        self.assertEqual(self.ledger.breaches, [])
        self.assertEqual(self.ledger.counts["talks delivered"], 2)

    def test_a_second_answer(self):
        self.talk("t1 a")
        self.answer(1, message_id=1)
        self.answer(1, message_id=1)
        self.assert_broken("a second answer")

    def test_an_answer_that_nobody_asked_for(self):
        self.answer(7, status=300)
        self.assert_broken("nobody has asked for")

    def test_an_answer_of_another_command(self):
        self.talk("t1 a")
        self.answer(1, status=300, command="chat.talk.ack")
        self.assert_broken("was answered with chat.talk.ack")

    def test_a_talk_that_comes_twice(self):
        self.talk("t1 a")
        self.push("t1 a", 1)
        self.push("t1 a", 1)
        self.assert_broken("came twice")

    def test_a_talk_that_comes_again_on_another_connection_is_none(self):
        self.talk("t1 a")
        self.push("t1 a", 1)
        self.push("t1 a", 1, self.ledger.connect("bob", self.bob.way, 2))
        self.assertEqual(self.ledger.breaches, [])

    def test_a_talk_to_somebody_else(self):
        self.talk("t1 a")
        self.push("t1 a", 1, self.alice)
        self.assert_broken("came to alice")

    def test_a_talk_that_is_altered(self):
        self.talk("t1 a")
        self.push("t1 b", 1)
        self.assert_broken("never said")

    def test_a_talk_of_somebody_else(self):
        self.talk("t1 a")
        self.push("t1 a", 1, sender="carol")
        self.assert_broken("carol never said")

    def test_an_id_that_differs(self):
        self.talk("t1 a")
        self.push("t1 a", 1)
        self.answer(1, message_id=2)
        self.assert_broken("was pushed as 1 and answered as 2")

    def test_talks_that_overtake(self):
        for text in ("t1 a", "t2 b"):
            self.talk(text)
        self.push("t2 b", 2)
        self.push("t1 a", 1)
        self.assert_broken("out of order: talk t1 came after t2")

    def test_talks_that_overtake_while_links_change_are_counted(self):
        self.talk("t1 a")
        self.cluster.links_changed_at = time.monotonic()
        self.talk("t2 b")
        self.push("t2 b", 2)
        self.push("t1 a", 1)
        self.answer(1, message_id=2)
        self.answer(2, message_id=1)
        self.assertEqual([breach for breach in self.ledger.breaches if "order" in breach], [])
        self.assertEqual(self.ledger.counts["reordered while links changed"], 2)

    def test_talks_that_overtake_after_links_have_changed(self):
        self.cluster.links_changed_at = time.monotonic()
        for text in ("t1 a", "t2 b"):
            self.talk(text)
        self.push("t2 b", 2)
        self.push("t1 a", 1)
        self.assert_broken("out of order: talk t1 came after t2")

    def test_ids_that_go_back(self):
        for text in ("t1 a", "t2 b"):
            self.talk(text)
        self.answer(1, message_id=2)
        self.answer(2, message_id=1)
        self.assert_broken("out of order: ids")

    def test_what_comes_over_an_altered_connection_is_not_judged(self):
        self.bob.through = types.SimpleNamespace(tainted=True)
        self.push("nobody said this", 1)
        self.assertEqual(self.ledger.breaches, [])

    def test_what_has_no_answer_when_the_connection_ends_is_unknown(self):
        self.talk("t1 a")
        self.ledger.close(self.alice, "reset")
        self.ledger.close(self.alice, "reset")
        self.assertEqual(self.ledger.counts["unknown"], 1)


class PlanTest(unittest.TestCase):
    def test_a_seed_gives_one_plan(self):
        self.assertEqual(make_plan(5, 60), make_plan(5, 60))
        self.assertNotEqual(make_plan(5, 60), make_plan(6, 60))

    def test_a_minute_has_every_kind(self):
        for seed in range(20):
            self.assertEqual({fault.kind for fault in make_plan(seed, 60)}, {kind.name for kind in KINDS})

    def test_is_over_in_time_and_nothing_has_two_faults_at_once(self):
        for seed in range(20):
            ends = {}
            for fault in make_plan(seed, 60):
                self.assertLessEqual(fault.at + fault.lasts, 60)
                self.assertGreater(fault.at, ends.get(fault.target, 0))
                ends[fault.target] = fault.at + fault.lasts


class ProxyTest(unittest.TestCase):
    def test_frames_begin_where_they_do_whatever_the_pieces(self):
        draw = random.Random(3)
        for _ in range(200):
            begins, data = set(), b""
            for _ in range(draw.randrange(1, 6)):
                begins.add(len(data))
                data += wire.frame(bytes(draw.randrange(0, 40)))
            frames, at = Frames(), 0
            while at < len(data):
                piece = data[at:at + draw.randrange(1, 30)]
                found = frames.feed(piece)
                expected = [begin - at for begin in sorted(begins) if at <= begin < at + len(piece)]
                self.assertEqual(found, expected[0] if expected else None)
                at += len(piece)
                self.assertEqual(frames.between, at in begins or at == len(data))

    def test_garbage_takes_the_place_of_the_next_frame(self):
        sink = types.SimpleNamespace(write=lambda data: self.fail(f"in the middle of a frame: {data}"))
        direction = Direction(None, sink, True)
        first, second = wire.frame(b"whole"), wire.frame(b"lost")
        self.assertEqual(direction.change(first[:3]), first[:3])
        direction.spoil(b"garbage")
        self.assertEqual(direction.change(first[3:] + second), first[3:] + b"garbage")
        self.assertEqual(direction.change(second), b"")

    def test_a_flip_alters_one_bit(self):
        direction = Direction(None, None, True)
        direction.flip_at = 1003
        altered = direction.change(b"\0" * 50)
        self.assertEqual(sum(byte.bit_count() for byte in altered), 1)
        self.assertEqual(direction.change(b"\0" * 50), b"\0" * 50)


if __name__ == "__main__":
    unittest.main()
