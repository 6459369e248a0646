"""The web server in front of an IOC: what pages and other clients of PVWS get."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import WSMsgType
from yarl import URL

from ioc.security.rules import Asg, Rule, Rules
from tests.support.clients.ca_client import Network
from tests.support.ioc.ioc_bench import PULSE_TIME_NS, Ioc
from tests.support.ioc.web_bench import TOKEN, WebBench, decoded, web_server


async def test_a_client_that_knows_only_pvws_gets_what_pvws_sends(web: WebBench, ioc: Ioc) -> None:
    names = [ioc.prefix + each for each in ("LagLimit", "Red1:Units", "Red1:BinParams")]
    async with web.tab(trusted=False) as tab:
        await tab.say(type="subscribe", pvs=names)
        await tab.until(lambda: len(tab.values) == 3)
        number, state, text = (tab.values[name] for name in names)
        assert (number["value"], number["units"], number["min"]) == (2.0, "s", 0.1)
        assert (state["text"], state["labels"][0], state["severity"]) == ("dSpacing", "TOF", "NONE")
        assert text["text"] == "0.4,0.001,5"
        assert number["readonly"]
        assert number["seconds"] > 1_700_000_000
        assert all(each["type"] in ("update", "hello") for each in tab.messages)
        await tab.say(type="list")
        assert (await tab.answer("list"))["pvs"] == names
        await tab.say(type="echo", body="hello")
        assert (await tab.answer("echo"))["body"] == "hello"


async def test_arrays_are_base64_for_clients_of_pvws(web: WebBench, ioc: Ioc) -> None:
    name = ioc.prefix + "Red1:Spec:YC"
    async with web.tab(trusted=False) as tab:
        await tab.say(type="subscribe", pvs=[name])
        await tab.until(lambda: "b64dbl" in tab.values.get(name, {}))
        assert tab.values[name]["vtype"] == "VDoubleArray"
        assert not tab.frames


async def test_a_ping_is_asked_for_and_answered(web: WebBench) -> None:
    async with web.browser() as browser, browser.ws_connect("/pvws/pv", autoping=False) as socket:
        await socket.receive()  # hello
        await socket.send_str('{"type":"ping"}')
        assert (await socket.receive(5)).type == WSMsgType.PING
        await socket.ping(b"x")
        answer = await socket.receive(5)
        assert (answer.type, answer.data) == (WSMsgType.PONG, b"x")


async def test_a_result_comes_as_one_binary_message(web: WebBench, ioc: Ioc) -> None:
    name = f"pva://{ioc.prefix}Red1:Snapshot"
    async with web.tab() as tab:
        await tab.say(type="subscribe", pvs=[name], binary=True)
        await tab.until(lambda: tab.frames)
        frame = tab.frames[0]
        assert frame.header["pv"] == name
        assert frame.header["fields"]["generation"] == 0
        assert frame.header["seconds"] == PULSE_TIME_NS // 10**9
        arrays = frame.arrays
        assert {each: array.dtype.itemsize for each, array in arrays.items()} == {
            "X": 8,
            "Y": 4,
            "YC": 4,
            "E": 4,
            "XE": 8,
        }
        assert arrays["XE"].size == arrays["Y"].size + 1 == 4601
        np.testing.assert_array_equal(arrays["YC"], 1)
        assert tab.values[name]["vtype"] == "VTable"


async def test_a_page_says_which_arrays_it_wants_and_gets_edges_once(
    web: WebBench, ioc: Ioc
) -> None:
    name = f"pva://{ioc.prefix}Red1:Snapshot"
    async with web.tab() as tab:
        await tab.say(type="subscribe", pvs=[name], binary=True, arrays=["XE", "Y"])
        await tab.until(lambda: tab.frames)
        assert list(tab.frames[0].arrays) == ["Y", "XE"]
        await tab.put(ioc.prefix + "Red1:Mask", "3")
        await tab.until(lambda: tab.frames[-1].header["fields"]["generation"] == 1)
        assert list(tab.frames[-1].arrays) == ["Y"]
        await tab.put(ioc.prefix + "Red1:BinParams", "1,0.5,3", 2)
        await tab.until(lambda: tab.frames[-1].header["fields"]["generation"] == 2)
        np.testing.assert_allclose(tab.frames[-1].arrays["XE"], [1, 1.5, 2, 2.5, 3])


async def test_a_frozen_result_is_kept_for_others_as_it_was_sent(web: WebBench, ioc: Ioc) -> None:
    snapshot = f"pva://{ioc.prefix}Red1:Snapshot"
    async with web.tab(trusted=False) as tab, web.browser(trusted=False) as other:
        await tab.say(type="subscribe", pvs=[snapshot], binary=True, arrays=["XE", "Y", "E"])
        await tab.until(lambda: tab.frames)
        shown = tab.frames[-1]
        await tab.say(type="keep", pv=snapshot, result=shown.header["result"], id=1)
        kept = await tab.answer("kept")
        assert kept["ok"], kept
        answer = await other.get(f"/reference/{kept['reference']}")
        found = decoded(await answer.read())
        for each in ("fields", "seconds", "nanos", "severity"):
            assert found.header[each] == shown.header[each]
        for name, array in shown.arrays.items():
            np.testing.assert_array_equal(found.arrays[name], array)
        assert (await other.get("/reference/0123456789abcdef")).status == 404
        assert (await other.post(f"/reference/{kept['reference']}")).status == 405
        assert (await other.head(f"/reference/{kept['reference']}")).status == 405


async def test_a_result_that_was_not_sent_is_not_kept(web: WebBench, ioc: Ioc) -> None:
    async with web.tab(trusted=False) as tab:
        for number, name in enumerate(("Red1:Snapshot", "Red1:Spec:Y", "Nothing")):
            await tab.say(type="keep", pv=ioc.prefix + name, result=7, id=number)
            answer = await tab.answer("kept", id=number)
            assert (answer["ok"], bool(answer["message"])) == (False, True)
    assert web.server.refusals.counts["reference"] == 3


async def test_a_put_is_answered_when_it_has_taken_effect(web: WebBench, ioc: Ioc) -> None:
    name = ioc.prefix + "Red1:BinParams"
    async with web.tab() as tab:
        assert await tab.put(name, "1,0.5,3") == {"type": "written", "id": 1, "ok": True}
        assert await asyncio.to_thread(ioc.get, "Red1:BinParams_RBV", "-S") == "1,0.5,3"
        told = await tab.answer("hello")
        assert told["write"]
        assert abs(told["now"] - time.time()) < 60
        assert told["units"]["TOF"]["unit"] == "µs"


async def test_refusals_have_the_words_of_the_ioc(web: WebBench, ioc: Ioc) -> None:
    async with web.tab() as tab:
        answer = await tab.put(ioc.prefix + "Red1:BinParams", "5,1,1")
        assert not answer["ok"]
        assert (
            answer["message"] == "BinParams: '5,1,1' refused: boundaries must rise, but 1 follows 5"
        )
        answer = await tab.put(ioc.prefix + "Red1:Filter:Log", "nothing", 2)
        assert answer["message"].startswith("Log: 'nothing' refused: ")
        answer = await tab.put(ioc.prefix + "SYSRESET", 1, 3)
        assert "--web-expert" in answer["message"]
        answer = await tab.put("OTHER:BinParams", "1,2,3", 4)
        assert "only names that begin with" in answer["message"]


async def test_a_refusal_without_an_id_is_an_error_as_in_pvws(web: WebBench, ioc: Ioc) -> None:
    async with web.tab() as tab:
        await tab.say(type="write", pv=ioc.prefix + "PresetPulses", value=0)
        assert "the lowest is 1" in (await tab.answer("error"))["message"]


async def test_all_pages_are_told_who_put_what(
    web: WebBench, ioc: Ioc, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "web.puts")
    name = ioc.prefix + "LagLimit"
    async with web.tab() as one, web.tab(trusted=False) as other:
        await other.say(type="subscribe", pvs=[name], binary=True)
        await other.until(lambda: other.values)
        session = (await one.answer("hello"))["session"]
        await one.put(name, 3)
        told = await other.answer("put")
        assert (told["session"], told["pv"], told["value"]) == (session, name, "3")
        await other.until(lambda: other.values[name]["value"] == 3.0)
    assert f"{session}@127.0.0.1 put {name} = 3" in caplog.text


async def test_without_the_token_nothing_is_put(web: WebBench, ioc: Ioc) -> None:
    async with web.tab(trusted=False) as tab:
        answer = await tab.put(ioc.prefix + "LagLimit", 3)
        assert answer["message"].endswith("this page is read only")
        assert not (await tab.answer("hello"))["write"]
    assert await asyncio.to_thread(ioc.get, "LagLimit") == "2"
    assert web.server.refusals.counts["put"] == 1


async def test_pages_are_told_what_the_ioc_does_not_let_the_server_write(
    net: Network, caplog: pytest.LogCaptureFixture
) -> None:
    prefix = f"T{secrets.token_hex(4)}:"
    limit, pause, count = (prefix + each for each in ("LagLimit", "Pause", "Ranks_RBV"))
    operators = Rules({Asg.DEFAULT: (), Asg.OPERATION: (Rule(),)})
    async with web_server(net, prefix) as web, web.tab() as tab:
        await tab.say(type="subscribe", pvs=[limit, pause, count])
        with Ioc(net, prefix=prefix, pva=True, rules=operators):
            await tab.until(lambda: len(tab.values) == 3 and tab.values[limit]["readonly"])
            assert not tab.values[pause]["readonly"]
            assert tab.values[count]["readonly"]
            assert "may not write" in (await tab.put(limit, 3, number=1))["message"]
            assert (await tab.put(pause, 1, number=2))["ok"]
        await tab.until(lambda: not tab.values[limit]["connected"])
        with Ioc(net, prefix=prefix, pva=True):  # its rules let everybody write
            await tab.until(lambda: not tab.values[limit]["readonly"])
            assert tab.values[limit]["value"] == 2.0
    logged = [each for each in caplog.messages if each.startswith(limit) and "not write" in each]
    assert len(logged) == 1  # that of the put: the IOC logs no questions


async def test_a_put_without_an_ioc_is_refused_and_not_made_later(
    net: Network, web: WebBench, ioc: Ioc
) -> None:
    async with web_server(net, "NOBODY:") as alone, alone.tab() as tab:
        answer = await tab.put("NOBODY:LagLimit", 3)
        assert "the IOC does not answer; nothing was put" in answer["message"]


async def test_a_put_that_the_ranks_do_not_obey_fails_in_words(web: WebBench, ioc: Ioc) -> None:
    async with web.tab() as tab:
        ioc.ranks.obeying.clear()
        answer = await tab.put(ioc.prefix + "Red1:Mask", "5")
        assert not answer["ok"]
        assert answer["message"]
        ioc.ranks.obeying.set()


async def test_pages_are_told_that_the_ioc_is_gone_and_when_it_is_back(net: Network) -> None:
    prefix = f"T{secrets.token_hex(4)}:"
    name, snapshot = f"{prefix}LagLimit", f"pva://{prefix}Red1:Snapshot"
    async with web_server(net, prefix) as web, web.tab() as tab:
        await tab.say(type="subscribe", pvs=[name, snapshot], binary=True)
        with Ioc(net, prefix=prefix, pva=True):
            await tab.until(lambda: tab.frames and tab.values[name].get("connected"))
        await tab.until(lambda: not tab.values[name]["connected"])
        await tab.until(lambda: not tab.values[snapshot]["connected"])
        assert tab.values[name]["severity"] == "UNDEFINED"
        seen = len(tab.frames)
        with Ioc(net, prefix=prefix, pva=True):
            await tab.until(lambda: tab.values[name]["connected"])
            assert tab.values[name]["severity"] == "NONE"
            await tab.until(lambda: len(tab.frames) > seen)


async def test_the_token_gives_way_to_a_cookie_at_once(web: WebBench) -> None:
    async with web.browser(trusted=False) as browser:
        asked = await browser.get("/", params={"token": TOKEN}, allow_redirects=False)
        assert (asked.status, asked.headers["Location"]) == (303, "/")
        cookie = asked.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        assert (await (await browser.get("/info")).json())["write"]
    async with web.browser(trusted=False) as browser:
        asked = await browser.get("/", params={"token": TOKEN + "x"})
        assert asked.status == 403
        assert "not the token" in await asked.text()
        assert not (await (await browser.get("/info")).json())["write"]


async def test_every_answer_says_what_the_page_may_do(web: WebBench) -> None:
    async with web.browser() as browser:
        for path in ("/", "/info", "/history", "/nothing", "/page/nothing.js"):
            headers = (await browser.get(path)).headers
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "aiohttp" not in headers["Server"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_only_get_is_answered(web: WebBench, method: str) -> None:
    async with web.browser() as browser:
        assert (await browser.request(method, "/info")).status == 405


@pytest.mark.parametrize(
    "path",
    ["/page/../serve.py", "/page/%2e%2e/serve.py", "/page/..%2fserve.py", "/serve.py", "/page/"],
)
async def test_no_other_file_is_served(web: WebBench, path: str) -> None:
    async with web.browser() as browser:
        url = URL(web.url + path, encoded=True)
        assert (await browser.get(url)).status in (403, 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
async def test_pages_of_others_cannot_connect(web: WebBench, headers: dict[str, str]) -> None:
    async with web.browser() as browser:
        assert (await browser.get("/info", headers=headers)).status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await browser.ws_connect("/pvws/pv", headers=headers)
        assert refused.value.status == 403
    assert web.server.refusals.counts["request"] == 2


async def test_the_history_has_what_was(web: WebBench, ioc: Ioc) -> None:
    async with web.browser() as browser:
        for _ in range(50):
            found: dict[str, Any] = await (await browser.get("/history")).json()
            if found["series"].get("EventRate_RBV", [None])[-1] is not None:
                break
            await asyncio.sleep(0.1)
        assert len(found["t"]) == len(found["series"]["EventRate_RBV"])
        assert found["series"].keys() >= {"Lag_RBV", "Sim:Temperature_RBV"}
        assert "Red1:Peak1:Centre_RBV" not in found["series"]  # no peak is fitted
