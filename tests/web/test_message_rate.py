"""The rate of messages."""

from __future__ import annotations

from web.message_rate import MOST_ADDRESSES, AddressRates, MessageRate


def test_a_burst_is_free_and_then_messages_wait() -> None:
    now = [0.0]
    rate = MessageRate(2.0, 3, lambda: now[0])
    assert [rate.wait_s() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    now[0] = 1.0
    assert rate.wait_s() == 0.5


def test_a_pause_gives_no_more_than_a_burst() -> None:
    now = [0.0]
    rate = MessageRate(2.0, 3, lambda: now[0])
    now[0] = 1000.0
    assert [rate.wait_s() > 0 for _ in range(4)] == [False, False, False, True]


def test_one_address_does_not_use_up_the_requests_of_another() -> None:
    now = [0.0]
    rates = AddressRates(2.0, 3, lambda: now[0])
    assert [rates.admit("a") for _ in range(5)] == [True, True, True, False, False]
    assert rates.admit("b")
    now[0] = 1.0
    assert [rates.admit("a") for _ in range(3)] == [True, True, False]


def test_the_rates_of_many_addresses_do_not_fill_the_memory() -> None:
    rates = AddressRates(1.0, 1, lambda: 0.0)
    for number in range(MOST_ADDRESSES * 2):
        assert rates.admit(str(number))
    assert not rates.admit(str(MOST_ADDRESSES * 2 - 1))
    assert rates.admit("0")
