"""The ledger: every connection, every request and its answer, every talk and who got it. What must never be is
noted as a breach the moment it is seen."""

import collections
import itertools
import time
from dataclasses import dataclass, field

from .wire import decode

MOST_BREACHES = 20
SUCCESS = 0


@dataclass
class Talk:
    name: str  # what its text begins with; unique
    sender: str
    connection: "Connection"
    sequence: int
    receivers: frozenset
    dest: str
    text: str
    sent_at: float
    status: int = None  # of its answer; None: none has come
    message_id: int = None
    got: dict = field(default_factory=dict)  # account: how often, over all of its connections


@dataclass
class Request:
    command: str
    sent_at: float
    talk: Talk = None


class Connection:
    """A client's, from its connect to its end. `through` is the proxy's side of it."""

    def __init__(self, number, account, way, local_port):
        self.number, self.account, self.way, self.local_port = number, account, way, local_port
        self.opened_at = time.monotonic()
        self.closed_at = None
        self.why = ""
        self.channel = ""
        self.through = None
        self.sequence = 0
        self.waiting = {}  # sequence: Request
        self.done = set()  # sequences that were answered
        self.ids, self.talks = set(), set()  # what was pushed to it
        self.newest = {}  # (connection, node, epoch): the last talk that came from there
        self.answered = {}  # (node, epoch): its last talk that was answered

    @property
    def tainted(self):
        return self.through is not None and self.through.tainted

    def __str__(self):
        return (f"connection {self.number} of {self.account} by {self.way.name} from port {self.local_port}, "
                f"channel {self.channel or '(none)'}")


class Ledger:
    def __init__(self, diary, cluster, messages):
        self.diary, self.cluster, self.messages = diary, cluster, messages
        self.connections, self.talks, self.breaches = [], {}, []
        self.counts = collections.Counter()
        self.statuses = collections.Counter()
        self.reasons = collections.Counter()  # of answers other than success
        self.ends = collections.Counter()
        self.altered_senders = set()  # accounts some connection of whom was altered
        self.members = {}  # group: accounts
        self.active = {}  # faults that are under way
        self.numbers = itertools.count(1)

    # --- What happens ------------------------------------------------------------------------

    def connect(self, account, way, local_port):
        connection = Connection(next(self.numbers), account, way, local_port)
        self.connections.append(connection)
        self.counts["connections"] += 1
        return connection

    def ask(self, connection, command, talk=None):
        """The sequence of a request that is about to be sent."""
        connection.sequence += 1
        connection.waiting[connection.sequence] = Request(command, time.monotonic(), talk)
        self.counts["requests"] += 1
        return connection.sequence

    def talk(self, connection, dest, text, receivers):
        name = text.partition(" ")[0]
        talk = Talk(name, connection.account, connection, connection.sequence + 1, frozenset(receivers), dest, text,
                    time.monotonic())
        self.talks[name] = talk
        self.counts["talks"] += 1
        return talk

    def close(self, connection, why):
        if connection.closed_at is not None:
            return
        connection.closed_at, connection.why = time.monotonic(), why
        self.counts["unknown"] += len(connection.waiting)
        self.ends[why.partition(";")[0]] += 1
        self.diary.note(f"closed: {connection}: {why}; {len(connection.waiting)} requests without an answer")

    # --- What came ---------------------------------------------------------------------------

    def on_answer(self, connection, header, body):
        if connection.tainted:
            self.counts["of altered connections"] += 1
            connection.waiting.pop(header.sequence, None)
            return
        request = connection.waiting.pop(header.sequence, None)
        if request is None:
            what = "a second answer" if header.sequence in connection.done else "an answer that nobody has asked for"
            self.breach(f"{what}: {header.command}, sequence {header.sequence}, status {header.status}", connection)
            return
        connection.done.add(header.sequence)
        self.counts["answered"] += 1
        self.statuses[header.status] += 1
        if header.status != SUCCESS and (why := decode(self.messages.ErrorResp, body).message):
            self.reasons[f"{header.status} {why}"] += 1
            self.diary.note(f"{header.status} {why}: {header.command} on connection {connection.number}")
        if header.command != request.command:
            self.breach(f"{request.command} was answered with {header.command}, sequence {header.sequence}",
                        connection)
        if request.talk is not None:
            self.on_talk_answered(connection, request.talk, header.status, body)

    def on_talk_answered(self, connection, talk, status, body):
        talk.status = status
        if status != SUCCESS:
            return
        self.counts["talks answered"] += 1
        message_id = decode(self.messages.MessageResp, body).messageId
        if talk.message_id not in (None, message_id):
            self.breach(f"talk {talk.name} was pushed as {talk.message_id} and answered as {message_id}", connection)
        talk.message_id = message_id
        origin = self.origin_of(message_id)
        other = connection.answered.get(origin)
        if other is not None and (talk.sequence > other.sequence) != (message_id > other.message_id):
            self.out_of_order(f"ids of talks {other.sequence} and {talk.sequence} are {other.message_id} and {message_id}",
                              connection, min(talk, other, key=lambda one: one.sequence))
        connection.answered[origin] = talk

    def on_push(self, connection, header, body):
        """What somebody has said; the message's id, or 0."""
        if connection.tainted:
            self.counts["of altered connections"] += 1
            return 0
        push = decode(self.messages.MessagePush, body)
        self.counts["pushes"] += 1
        talk = self.talks.get(push.body.partition(" ")[0])
        if talk is None or talk.text != push.body or talk.sender != push.sender:
            if push.sender in self.altered_senders:
                self.counts["of altered connections"] += 1
            else:
                self.breach(f"{push.sender} never said '{push.body[:80]}' (message {push.messageId})", connection)
            return 0
        self.on_known_push(connection, talk, push.messageId)
        return push.messageId

    def on_known_push(self, connection, talk, message_id):
        if connection.account not in talk.receivers and talk.sender not in self.altered_senders:
            self.breach(f"talk {talk.name} of {talk.sender} to {talk.dest} came to {connection.account}", connection)
        if message_id in connection.ids or talk.name in connection.talks:
            self.breach(f"talk {talk.name} came twice, as message {message_id}", connection)
        if talk.message_id not in (None, message_id):
            self.breach(f"talk {talk.name} came as {message_id}, and is {talk.message_id}", connection)
        talk.message_id = message_id
        connection.ids.add(message_id)
        connection.talks.add(talk.name)
        if not talk.got:
            self.counts["talks delivered"] += 1
        talk.got[connection.account] = talk.got.get(connection.account, 0) + 1
        key = (talk.connection.number, *self.origin_of(message_id))
        before = connection.newest.get(key)
        if before is not None and before.sequence > talk.sequence:
            self.out_of_order(f"talk {talk.name} came after {before.name}", connection, talk)
        connection.newest[key] = talk

    # --- What must not be --------------------------------------------------------------------

    def origin_of(self, message_id):
        """The node that gave the id, and the epoch of chats in which it did."""
        return message_id >> 12 & 1023, self.cluster.epoch((message_id >> 22) + 1288834974657)

    def out_of_order(self, what, connection, earlier):
        """What one chat does for one sender is in order, while it has the same links all the time: from when the earlier of
        the two was said."""
        if self.cluster.links_changed_since(earlier.sent_at):
            self.counts["reordered while links changed"] += 1
            self.diary.note(f"reordered while links changed: {what}")
        else:
            self.breach(f"out of order: {what}", connection)

    def breach(self, what, connection=None):
        text = what if connection is None else f"{what}; at {connection}"
        text += f" [at {self.diary.now():.3f} s; faults under way: {', '.join(self.active.values()) or 'none'}]"
        self.breaches.append(text)
        if len(self.breaches) <= MOST_BREACHES:
            self.diary.say(f"BROKEN: {text}")
        else:
            self.diary.note(f"BROKEN: {text}")

    def dump(self, path):
        """Every talk, for who looks into a breach."""
        with open(path, "w", encoding="utf-8") as file:
            for talk in self.talks.values():
                got = ", ".join(f"{account} {count}" for account, count in talk.got.items())
                file.write(f"{talk.sent_at - self.diary.began:9.3f} {talk.name} connection {talk.connection.number} "
                           f"sequence {talk.sequence} to {talk.dest} status {talk.status} id {talk.message_id} "
                           f"pushed to: {got}\n")
