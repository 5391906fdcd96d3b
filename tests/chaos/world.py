"""One run, from the first process to the last check."""

import asyncio
import collections
import time

from . import plan, wire
from .checks import Checks
from .children import wait_until
from .clients import Talker
from .cluster import Cluster
from .faults import Faults
from .ledger import SUCCESS, Ledger
from .options import BOUND_S, ROOT
from .say import Trouble

LOGGED_IN_S = 60
GROUP_MEMBERS = 8
LOOK_S = 0.1


class World:
    def __init__(self, options, folder, diary):
        self.options, self.diary = options, diary
        self.seed, self.rate = options.seed, options.rate
        self.patience = options.bound / BOUND_S  # on slow machines, all bounds are longer
        self.plan = plan.make_plan(options.seed, options.seconds)
        self.messages = wire.load_messages(ROOT / "codec/pkt.proto", folder)
        self.cluster = Cluster(folder, options.build / "services/ringgate", ROOT / "scripts/consul",
                               options.log_level)
        self.ledger = Ledger(diary, self.cluster, self.messages)
        self.talkers = [Talker(self, number, "ws" if number % 3 == 2 else "tcp")
                        for number in range(options.clients)]
        self.waiters = {}  # (connection, sequence): future of (header, body)
        self.is_over = False
        self.is_quiet = True  # nobody says anything of himself
        self.longest_away_s = 0  # of a client, while there were faults
        self.fault_counts = collections.Counter()
        self.recovery_s = self.ready_s = None
        self.tasks = []

    async def run(self):
        checks = Checks(self)
        try:
            await self.begin(checks)
            await Faults(self).run(self.plan)
            await asyncio.sleep(0.5)
            await self.judge(checks)
        finally:
            self.is_over = True
            await end_tasks(self.tasks)
            self.cluster.end_all()
            await asyncio.sleep(LOOK_S)  # who came last sees it, too

    async def begin(self, checks):
        self.diary.say("the cluster starts")
        await self.cluster.start()
        await checks.settle_baselines()
        self.tasks = [asyncio.ensure_future(self.watch())]
        self.tasks += [asyncio.ensure_future(talker.run()) for talker in self.talkers]
        if not await wait_until(lambda: all(talker.is_in for talker in self.talkers),
                                LOGGED_IN_S * self.patience):
            raise Trouble("not everybody could log in before the first fault: see the logs")
        await self.make_groups()
        self.longest_away_s = 0
        self.is_quiet = False
        self.diary.say(f"everybody is logged in; {len(self.plan)} faults in {self.options.seconds:.0f} s")

    async def make_groups(self):
        for first in (0, GROUP_MEMBERS // 2):
            some = self.talkers[first:first + GROUP_MEMBERS]
            accounts = [talker.account for talker in some]
            header, body = await some[0].ask_and_wait(
                "chat.group.create", self.messages.GroupCreateReq(name="group", members=accounts), LOGGED_IN_S)
            if header.status != SUCCESS:
                raise Trouble(f"a group could not be made: status {header.status}")
            self.ledger.members[self.messages.GroupCreateResp.FromString(body).group_id] = frozenset(accounts)

    async def watch(self):
        """Nobody ends without being asked to."""
        while True:
            for child in self.cluster.ended_by_themselves():
                child.may_end = True
                self.ledger.breach(f"{child.name} ended by itself, exit code {child.code}: {child.log}")
                for server in self.cluster.servers.values():
                    if server.child is child:
                        server.start()
            await asyncio.sleep(LOOK_S)

    async def judge(self, checks):
        longest_away_s = self.longest_away_s
        self.is_quiet = True
        self.diary.say("all is healed")
        self.recovery_s, self.ready_s = await checks.recovered(self.options.bound)
        self.diary.say(f"everybody is heard again after {self.recovery_s:.1f} s")
        self.longest_away_s = longest_away_s
        await checks.everything_answered()
        began = time.monotonic()
        await checks.everything_stored()
        self.diary.say(f"what is kept was read in {time.monotonic() - began:.1f} s")
        self.is_over = True
        await end_tasks(self.tasks[1:])
        await checks.nothing_left()
        await checks.ends_well()
        checks.logs_are_clean()


async def end_tasks(tasks):
    """asyncio.wait_for() may swallow a cancellation that comes together with what it waits for."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=1)
