"""Modules of the page that compute: numbers in words, addresses, curves, frames, references."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.displays.browser import OpenPage, PageServer, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def page(browser: Browser, server: PageServer) -> Iterator[OpenPage]:
    """One open page for all tests here, which only call its modules."""
    with open_page(browser) as opened:
        opened.open(server.without_token)
        yield opened


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("figure(1.92016, 5)", "1.9202"),
        ("figure(0)", "0"),
        ("figure(12345678, 3)", "1.23·10⁷"),
        ("figure(-0.00001234, 3)", "−1.23·10⁻⁵"),
        ("figure(NaN)", "–"),
        ("figure(Infinity)", "–"),
        ("withError(1.920163, 0.0000125)", "1.920163 ± 0.000013"),
        ("withError(123456, 351)", "123\u202f460 ± 350"),
        ("withError(5, 0)", "5"),
        ("withError(5, NaN)", "5"),
        ("withError(NaN, 1)", "–"),
        ("withError(0.5, 3)", "0.5 ± 3.0"),
        ("metres(-2.8e-17)", "0"),
        ("metres(1.76604)", "1.766"),
        ("grouped(1234567)", "1\u202f234\u202f567"),
        ("grouped(-1234)", "−1234"),
        ("duration(0.34)", "0.3 s"),
        ("duration(59.7)", "1 min 0 s"),
        ("duration(7380)", "2 h 3 min"),
        ("duration(-1)", "0.0 s"),
        ("duration(NaN)", "–"),
        ("unitSymbol('1/Ang')", "Å⁻¹"),
        ("unitSymbol('furlong')", "furlong"),
    ],
)
def test_numbers_are_written_as_a_scientist_writes_them(
    page: OpenPage, call: str, words: str
) -> None:
    assert page.call("controls/numbers", f"m.{call}") == words


def test_an_address_names_a_view_and_back(page: OpenPage) -> None:
    view = "{...m.viewOf(''), log: true, x: [1.5, 2], pick: '1-3'}"
    there = f"m.fragmentOf(m.viewOf(m.fragmentOf({view})))"
    assert page.call("state/view_state", there) == "pick=1-3&log=1&x=1.5%7E2"
    assert page.call("state/view_state", "m.fragmentOf(m.viewOf('#'))") == ""


def test_an_address_names_a_reference_by_its_id_alone(page: OpenPage) -> None:
    kept = "frozen=0123456789abcdef"
    assert page.call("state/view_state", f"m.fragmentOf(m.viewOf('{kept}'))") == kept


def test_an_address_names_the_contrast_of_pictures(page: OpenPage) -> None:
    view = "m.viewOf('imageClip=1&mapClip=0')"
    assert page.call("state/view_state", f"[{view}.imageClip, {view}.mapClip]") == [True, False]
    assert page.call("state/view_state", f"m.fragmentOf({view})") == "imageClip=1"


def test_an_address_holds_times_to_the_second_and_other_ranges_to_seven_digits(
    page: OpenPage,
) -> None:
    view = "{...m.viewOf(''), past: [1795689944.25, 1795689999.5], fitY: [1.23456789, 2]}"
    there = f"m.fragmentOf(m.viewOf(m.fragmentOf({view})))"
    fragment = "fitY=1.234568%7E2&past=1795689944.25%7E1795689999.5"
    assert page.call("state/view_state", there) == fragment
    closed = "m.viewOf(m.fragmentOf({...m.viewOf(''), groups: ''})).groups"
    assert page.call("state/view_state", closed) == ""


@pytest.mark.parametrize(
    "fragment",
    [
        "x=2~1",
        "x=a~b",
        "x=1",
        "x=0~Infinity",
        "spectra=everything",
        "reduction=-1",
        "reduction=1.5",
        "errors=<b>",
        "frozen=../../info",
        "frozen=0123456789ABCDEF",
        "nothing=1",
        "%%%&&&===",
    ],
)
def test_an_address_that_names_nonsense_shows_the_usual_view(page: OpenPage, fragment: str) -> None:
    assert page.call("state/view_state", f"m.fragmentOf(m.viewOf('{fragment}'))") == ""


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [1, 2, 3, 4]),
        ("2", [2]),
        ("3,1-2", [1, 2, 3]),
        ("2-99999999999", [2, 3, 4, 5]),
        ("0", [1, 2, 3, 4]),
        ("x, 5", [5]),
    ],
)
def test_numbers_of_spectra_are_picked(page: OpenPage, text: str, numbers: list[int]) -> None:
    assert page.call("state/view_state", f"m.picked('{text}', 5, 4)") == numbers


def test_the_interval_of_a_value_is_found(page: OpenPage) -> None:
    intervals = "[0, 1, 1.5, 2.9, 3, 9].map((v) => m.intervalOf([1, 2, 3], v))"
    found = page.call("plot/curves", intervals)
    assert found == [-1, 0, 0, 1, 2, 2]


def test_a_reference_keeps_its_area_and_its_errors_on_other_bins(page: OpenPage) -> None:
    script = """(() => {
        const edges = [0, 1, 2, 4];
        const rest = {red: '', unit: '', time: 0, pulses: ''};
        const reference = {...rest, edges, y: [10, 20, 5], e: [1, 2, 0.5]};
        const {y, e} = m.rebinned(reference, [0, 2, 4]);
        const outside = m.rebinned(reference, [-1, 0.5, 4.5]);
        return [...y, ...e, ...outside.y].map((each) => Number.isNaN(each) ? null : each);
    })()"""
    found = page.call("plot/reference", script)
    assert found[:2] == [15, 5]
    assert found[2] == pytest.approx((1 + 4) ** 0.5 / 2)
    assert found[3] == pytest.approx(0.5)
    assert found[4:] == [None, None]


def test_labels_of_regions_and_peaks_are_the_number_alone_on_narrow_plots(page: OpenPage) -> None:
    script = """(() => {
        const values = {'ROI1:Net_RBV': 253470, 'ROI1:NetError_RBV': 790, 'ROI2:Net_RBV': NaN,
            'Peak1:Centre_RBV': 1.92, 'Peak1:CentreErr_RBV': 0.001};
        const store = {watch: () => {}, text: () => 'no counts', pv: () => ({units: 'Ang'}),
            number: (name) => values[name.slice(5)] ?? NaN};
        const made = new m.Windows(store, 'Red1:');
        const label = (kind, number) => made.label({kind, number, low: 1, high: 2}, true);
        return [label('ROI', 1), label('ROI', 2), label('Peak', 1)];
    })()"""
    assert page.call("spectrum/windows", script) == [
        ["Region 1: 253\u202f470"],
        ["Region 2"],
        ["Peak 1: 1.9200"],
    ]


def test_a_difference_adds_errors_in_quadrature(page: OpenPage) -> None:
    script = """(() => {
        const {y, e} = m.difference({y: [10], e: [3]}, {y: [2], e: [2]}, 2);
        return [y[0], e[0]];
    })()"""
    assert page.call("plot/reference", script) == [6, 5]


def test_a_frame_is_decoded_and_keeps_arrays_that_are_left_out(page: OpenPage) -> None:
    script = """(() => {
        const made = (entries, numbers) => {
            let text = JSON.stringify({pv: 'P', fields: {units: 'Ang'}, arrays: entries});
            text += ' '.repeat((8 - ((4 + text.length) % 8)) % 8);
            const bytes = new Uint8Array(4 + text.length + 8 * numbers.length);
            new DataView(bytes.buffer).setUint32(0, text.length, true);
            bytes.set(new TextEncoder().encode(text), 4);
            new Float64Array(bytes.buffer, 4 + text.length).set(numbers);
            return bytes.buffer;
        };
        const entry = {name: 'XE', dtype: 'f8', shape: [2]};
        const sent = made([entry], [1.5, 2.5]), leftOut = made([{...entry, same: true}], []);
        const first = m.decodeFrame(sent, () => undefined).arrays;
        const next = m.decodeFrame(leftOut, () => first).arrays;
        let refused = '';
        try { m.decodeFrame(leftOut, () => undefined); } catch (error) { refused = error.message; }
        return [[...first.get('XE')], next.get('XE') === first.get('XE'), refused];
    })()"""
    assert page.call("state/wire", script) == [
        [1.5, 2.5],
        True,
        "P: XE is said to be unchanged, but is not here",
    ]


def test_a_narrow_peak_among_many_bins_is_drawn_to_its_height(page: OpenPage) -> None:
    """One bin of 100 000 that is high is seen: columns show extremes."""
    script = """import('/page/plot/scales.js').then(({Scale}) => {
        const canvas = new OffscreenCanvas(100, 100);
        const context = canvas.getContext('2d');
        const edges = Float64Array.from({length: 100001}, (_, index) => index);
        const y = new Float64Array(100000).fill(1);
        y[50500] = 90;
        const x = new Scale('linear', [0, 100000], [0, 100]);
        const scales = {x, y: new Scale('linear', [0, 100], [100, 0])};
        const drawn = {name: '', kind: 'steps', colour: '', dash: [], marker: -1};
        const curve = {...drawn, x: edges, y, e: null, shift: 0, scale: 1};
        m.drawCurve(context, curve, scales, {colour: '#000', errors: 'none', width: 1.4});
        const at = (x, y) => context.getImageData(x, y, 1, 1).data[3];
        return [at(50, 50) > 0, at(30, 50) > 0, at(30, 99) > 0 || at(30, 98) > 0];
    })"""
    assert page.call("plot/curves", script) == [True, False, True]
