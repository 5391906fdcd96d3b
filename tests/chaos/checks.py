"""What has to hold once everything is healed. Each check waits for it, within a bound, and notes a breach if not."""

import asyncio
import re
import time

from . import plan
from .children import wait_until
from .ledger import SUCCESS
from .monitor import metrics

ANSWERED_S = 20  # what is asked has its answer or its end; AnswerTimeout is 6 s
READ_S = 15  # a page
ALL_READ_S = 60
QUIET_S = 40
END_S = 20
CONTENTS = 200
SAMPLES = 5
# Of metrics.
ZERO = ("ringgate_outstanding", "ringgate_link_queued_bytes", "ringgate_push_waiting_bytes",
        "ringgate_mail_waiting_bytes", "ringgate_signouts_waiting", "ringgate_store_owed_removals",
        "ringgate_store_calls_in_flight", "ringgate_websockets")
NEVER = ("ringgate_handler_exceptions_total", "ringgate_mail_unknown_total")  # would be bugs
CLIENTS_ZERO = ("ringgate_clients", "ringgate_channels", "kim_channel_total")
BAD_LINES = re.compile(r"Sanitizer|runtime error:|terminate called|Assertion|RINGGATE_CHECK|Segmentation|"
                       r"core dumped|mail_unknown|stack smashing|double free|corrupted")


class Checks:
    def __init__(self, world):
        self.world, self.cluster, self.ledger = world, world.cluster, world.ledger
        self.patience = world.patience  # what bounds are multiplied by

    def require(self, holds, what, connection=None):
        if not holds:
            self.ledger.breach(what, connection)

    # --- Everybody is there again ------------------------------------------------------------

    async def recovered(self, bound_s):
        """Seconds until everybody had said something to somebody, who got it; and until every process was ready."""
        began = time.monotonic()
        talkers = self.world.talkers
        tasks = [asyncio.ensure_future(self.is_heard(one, talkers[number - 1]))
                 for number, one in enumerate(talkers)]
        await asyncio.wait(tasks, timeout=bound_s)
        for task, one in zip(tasks, talkers):
            if not task.done():
                task.cancel()
                self.ledger.breach(f"{one.account} is not heard {bound_s} s after the last fault was over "
                                   f"({'logged in' if one.is_in else 'not logged in'})", one.connection)
        await asyncio.gather(*tasks, return_exceptions=True)
        heard_s = time.monotonic() - began
        ready = await asyncio.gather(*(wait_until(server.is_ready, max(1, began + bound_s - time.monotonic()))
                                       for server in self.cluster.servers.values()))
        for server, is_ready in zip(self.cluster.servers.values(), ready):
            self.require(is_ready, f"{server.name} is not ready {bound_s} s after the last fault was over")
        return heard_s, time.monotonic() - began

    async def is_heard(self, one, other):
        while True:
            try:
                talk = await one.talk(other.account, 10)
                if await wait_until(lambda: talk.status is not None or one.connection is not talk.connection, 5) and \
                        talk.status == SUCCESS and await wait_until(lambda: other.account in talk.got, 3):
                    return
                self.world.diary.note(f"not heard: talk {talk.name} of {one.account} to {other.account}, "
                                      f"status {talk.status}")
            except OSError:
                pass
            await asyncio.sleep(0.2)

    async def everything_answered(self):
        def waiting():
            return [one for one in self.ledger.connections if one.closed_at is None and one.waiting]
        if not await wait_until(lambda: not waiting(), ANSWERED_S * self.patience):
            for connection in waiting():
                asked = ", ".join(f"{number} ({request.command})" for number, request in connection.waiting.items())
                self.ledger.breach(f"no answer, and no end of the connection, for sequences {asked}", connection)
        for name, way in self.cluster.ways.items():
            self.require(not way.still_open_although_spoilt(), f"{name}: a connection is open on which came garbage")

    # --- What is kept ------------------------------------------------------------------------

    async def everything_stored(self):
        """What was answered with success is found by whom it was for."""
        kept = dict(await asyncio.gather(*(self.kept_for(one) for one in self.world.talkers)))
        missing = 0
        for talk in self.ledger.talks.values():
            if talk.status != SUCCESS:
                continue
            for account in talk.receivers - {talk.sender}:
                if talk.message_id not in kept.get(account, ()):
                    missing += 1
                    self.ledger.breach(f"talk {talk.name}, message {talk.message_id}, was answered with success, "
                                       f"and {account} does not find it", talk.connection)
        self.ledger.counts["talks found in the store"] = sum(map(len, kept.values()))
        return missing

    async def kept_for(self, talker):
        """(account, ids of its messages). A connection may end meanwhile, where a machine is slow."""
        until = time.monotonic() + ALL_READ_S * self.patience
        while True:
            try:
                entries = await self.read_index(talker)
                await self.read_contents(talker, [entry.message_id for entry in entries])
                return talker.account, {entry.message_id for entry in entries}
            except (OSError, asyncio.TimeoutError) as error:
                if time.monotonic() > until:
                    self.ledger.breach(f"{talker.account} cannot read what it has missed: {error!r}",
                                       talker.connection)
                    return talker.account, set()
                await asyncio.sleep(0.2)

    async def ask(self, talker, command, body, answer):
        header, data = await talker.ask_and_wait(command, body, READ_S * self.patience)
        if header.status != SUCCESS:
            raise ConnectionError(f"{command}: status {header.status}")
        return answer.FromString(data)

    async def read_index(self, talker):
        messages, entries, seen, newest = self.world.messages, [], set(), 0
        after = -1
        while True:
            page = await self.ask(talker, "chat.offline.index", messages.MessageIndexReq(message_id=after),
                                  messages.MessageIndexResp)
            for entry in page.indexes:
                self.require(entry.message_id not in seen, f"message {entry.message_id} is twice in the index of "
                             f"{talker.account}")
                self.require(entry.send_time >= newest, f"the index of {talker.account} goes back at message "
                             f"{entry.message_id}")
                seen.add(entry.message_id)
                newest = entry.send_time
            entries += page.indexes
            if not page.indexes:
                return entries
            after = page.indexes[-1].message_id

    async def read_contents(self, talker, ids):
        messages, said = self.world.messages, set()
        while ids:
            some = await self.ask(talker, "chat.offline.content",
                                  messages.MessageContentReq(message_ids=ids[:CONTENTS]), messages.MessageContentResp)
            for content in some.contents:
                self.check_content(talker, content, said)
            if not some.contents:
                raise ConnectionError("contents without any")
            ids = ids[len(some.contents):]

    def check_content(self, talker, content, said):
        talk = self.ledger.talks.get(content.body.partition(" ")[0])
        if talk is None or talk.text != content.body:
            self.require(self.ledger.altered_senders, f"nobody has said '{content.body[:80]}', message "
                         f"{content.messageId} of {talker.account}")
            return
        self.require(talk.name not in said, f"talk {talk.name} is kept twice for {talker.account}")
        self.require(talker.account in talk.receivers or talk.sender in self.ledger.altered_senders,
                     f"talk {talk.name} is kept for {talker.account}")
        self.require(talk.message_id in (None, content.messageId) or talk.sender in self.ledger.altered_senders,
                     f"talk {talk.name} is kept as {content.messageId}, and is {talk.message_id}")
        said.add(talk.name)

    # --- Nothing is left ---------------------------------------------------------------------

    async def nothing_left(self):
        """Without clients: queues are empty, descriptors as before, nobody has a place in Redis."""
        await asyncio.gather(*(self.server_is_quiet(server) for server in self.cluster.servers.values()),
                             self.no_places_left())

    async def server_is_quiet(self, server):
        left = []

        async def is_quiet():
            left[:] = await self.left_at(server)
            return not left
        if not await wait_until(is_quiet, QUIET_S * self.patience):
            self.ledger.breach(f"{server.name} still has, {QUIET_S * self.patience:.0f} s after the last client went: "
                               f"{', '.join(left)}")
            self.world.diary.note(f"descriptors of {server.name} at last: {server.child.descriptors()}")

    @staticmethod
    async def left_at(server):
        try:
            values = await metrics(server.monitor)
        except OSError as error:
            return [str(error)]
        names = ZERO + NEVER + (CLIENTS_ZERO if server.role == "gateway" else ())
        left = [f"{name} {values[name]:.0f}" for name in names if values[name] != 0]
        fds = values["process_open_fds"]
        if server.baseline_fds is not None and fds > server.baseline_fds:
            left.append(f"{fds:.0f} descriptors, which were {server.baseline_fds:.0f} at first")
        return left

    async def no_places_left(self):
        left = []

        async def none_left():
            left[:] = await self.cluster.redis.ask("KEYS login:loc:account*")
            return not left
        if not await wait_until(none_left, QUIET_S * self.patience):
            self.ledger.breach(f"{QUIET_S * self.patience:.0f} s after the last client went, in Redis there are "
                               f"{', '.join(sorted(left))}")

    async def settle_baselines(self):
        """Once everybody has all links and connections to stores that it will have: the most of some seconds, since
        one to Consul comes and goes. Gateways are alike."""
        samples = []
        while len(samples) < SAMPLES or samples[-1] != samples[-SAMPLES]:
            samples.append([(await metrics(server.monitor))["process_open_fds"]
                            for server in self.cluster.servers.values()])
            await asyncio.sleep(0.5)
        for server, fds in zip(self.cluster.servers.values(), zip(*samples)):
            server.baseline_fds = max(fds)
            self.world.diary.note(f"descriptors of {server.name} at first: {server.child.descriptors()}")
        gateways = [self.cluster.servers[name] for name in plan.GATEWAYS]
        most = max(gateway.baseline_fds for gateway in gateways)
        for gateway in gateways:
            gateway.baseline_fds = most

    # --- The end -----------------------------------------------------------------------------

    async def ends_well(self):
        servers = [self.cluster.servers[name] for name in plan.PROCESSES]
        for server in servers:
            server.child.end()
        for server in servers:
            code = await server.child.wait(END_S * self.patience)
            self.require(code == 0, f"{server.name} does not end after SIGTERM" if code is None
                         else f"{server.name} ended with {code} after SIGTERM")

    def logs_are_clean(self):
        for child in {child.log: child for child in self.cluster.spawned}.values():
            for line in child.output().splitlines():
                if BAD_LINES.search(line):
                    self.ledger.breach(f"{child.log.name} says: {line}")
