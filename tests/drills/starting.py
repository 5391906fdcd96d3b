"""Processes that start, and what an operator does with one that runs."""

import json
import signal

from .book import drill


@drill("Processes", "a second process is started with the id of one that lives; that one is killed",
       "the second ends with 1 and says where the first is; of one that was killed the id is free at once")
async def one_id(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01")
    copy = world.server("gateway01-copy", ServiceID="gateway01")
    await copy.ends(1, copy.spawn())
    said = (world.folder / "gateway01-copy.1.log").read_text(encoding="utf-8")
    world.hold(f"127.0.0.1:{gateway.port}" in said and ", since 20" in said, f"it does not say where: {said}")
    gateway.child.kill()
    await copy.start()
    world.note(said.strip().splitlines()[-1])
    world.note("killed: the next process had the id at once")


@drill("Processes", "the command line and the configuration have mistakes; doctor judges a running gateway's",
       "exit code 2 and a sentence; doctor says who has the ports, and that --takeover would replace it")
async def mistakes(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01")
    bad = world.server("gateway02", Shard=2)
    for words in (("gateway", "-c", bad.config), ("gateway", "--confg", "x")):
        code, said = await world.command(*words)
        world.hold(code == 2, f"{words} ended with {code}: {said}")
    world.note(said.strip().splitlines()[-1])
    code, said = await world.command("gateway", "-c", gateway.config, "--check-config")
    world.hold(code == 0, f"--check-config ended with {code}: {said}")
    _, said = await world.command("doctor", "-c", gateway.config)
    world.hold("--takeover would replace that" in said, f"doctor does not say who has the port: {said}")
    world.note("doctor: --takeover would replace the running one")


@drill("The registry file", "the entry of a gateway is taken out of the file; a wrong one is written into it",
       "the process enters itself again; the log says which entry is refused, and the others stay")
async def registry_file(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01")
    file = world.folder / "services.json"

    def entries():
        return json.loads(file.read_text(encoding="utf-8"))["services"]
    file.write_text(json.dumps({"services": [one for one in entries() if one["id"] != "gateway01"]}), encoding="utf-8")
    await world.until("gateway01 is in the file again", lambda: any(one["id"] == "gateway01" for one in entries()))
    world.note("gateway01 entered itself again")
    wrong = {"id": "chat99", "name": "chat", "address": "10.0.0.7", "port": 99_999}
    file.write_text(json.dumps({"services": [*entries(), wrong]}), encoding="utf-8")
    world.note(await gateway.says("chat99"))
    await world.log_in(gateway, "alice")


@drill("Metrics and the log", "the log is renamed, and SIGHUP sent", "it goes on in a new file of the old name")
async def log_rotation(world):
    file = world.folder / "gateway01-own.log"
    _, _ = await world.start("login01", "chat01")
    gateway = world.server("gateway01", LogFile=str(file))
    gateway.child = gateway.spawn()
    await world.until("the log begins", lambda: file.exists() and "serves as" in file.read_text(encoding="utf-8"))
    file.rename(world.folder / "gateway01-own.log.1")
    gateway.child.signal(signal.SIGHUP)
    await world.until("the log goes on", lambda: file.exists() and "SIGHUP" in file.read_text(encoding="utf-8"))
    world.note("the line about SIGHUP is in the new file")


@drill("The admin port", "alice is looked for, her way explained, and she is kicked",
       "her channel is shown, the service named that would be chosen, and she is logged out; the log says who asked")
async def admin_port(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01")
    alice = await world.log_in(gateway, "alice")
    _, body = await gateway.page("/channels?account=alice")
    world.hold(alice.channel in body, f"/channels has not her channel: {body}")
    _, body = await gateway.page("/explain-route?app=kim&account=alice")
    world.hold("chat01" in body, f"/explain-route does not name chat01: {body}")
    code, said = await world.command("explain-route", "-c", gateway.config, "--app", "kim", "--account", "alice")
    world.hold(code == 0 and "chat01" in said, f"explain-route ended with {code}: {said}")
    status, body = await gateway.page("/kick?account=alice", "POST")
    world.hold(status == 200 and '"kicked": 1' in body, f"/kick: {status} {body}")
    await alice.is_closed()
    world.note(await gateway.says("POST /kick"))
    status, _ = await gateway.page("/channels?acount=alice")
    world.hold(status == 400, f"a misspelt parameter is answered {status}")
