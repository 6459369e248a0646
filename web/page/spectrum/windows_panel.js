// The list of regions and peaks beside the plot, and how new ones are drawn.

import { h, setText } from "../controls/elements.js";
import { settingField } from "../controls/fields.js";
import { windowTitle } from "./windows.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {import("./windows.js").Windows} Windows */
/** @typedef {import("./windows.js").WindowKind} WindowKind */
/** @typedef {import("./spectrum_view.js").SpectrumView} SpectrumView */
/** @typedef {{element: HTMLElement, words: HTMLElement, end: () => void}} WindowRow */

const KEYBOARD_SHARE = 0.1;

export class WindowsPanel {
  /**
   * @param {Page} page
   * @param {SpectrumView} spectrum
   * @param {() => Windows} windows those of the reduction shown
   */
  constructor(page, spectrum, windows) {
    this.page = page;
    this.spectrum = spectrum;
    this.windows = windows;
    this.list = h("ul", { class: "windows", "aria-label": "Regions and peaks" });
    this.refusal = h("p", { class: "refusal", role: "alert" });
    this.buttons = {
      ROI: this.drawButton("ROI", "Draw a region"),
      Peak: this.drawButton("Peak", "Draw a peak"),
    };
    this.element = h("div", {}, h("div", { class: "buttons" }, this.buttons.ROI, this.buttons.Peak), this.refusal, this.list);
    /** @type {Map<string, WindowRow>} */
    this.rows = new Map();
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.take(null);
    });
  }

  /** @param {WindowKind} kind @param {string} words */
  drawButton(kind, words) {
    // A press by a key has no place on the plot: the interval is put into the middle of it.
    const press = (/** @type {MouseEvent} */ event) => {
      if (event.detail === 0) this.addInMiddle(kind);
      else this.take(this.spectrum.taker && this.taking === kind ? null : kind);
    };
    return h("button", { type: "button", "aria-pressed": "false", click: press, "data-draw": kind }, words);
  }

  /** @type {WindowKind | null} */
  taking = null;

  /** @param {WindowKind | null} kind what is drawn on the plot next */
  take(kind) {
    this.taking = kind;
    this.spectrum.taker = kind && ((low, high) => void this.add(kind, low, high));
    for (const each of /** @type {const} */ (["ROI", "Peak"]))
      this.buttons[each].setAttribute("aria-pressed", String(each === kind));
    this.spectrum.plot.surface.classList.toggle("drawing", kind !== null);
    if (kind) this.page.view.set({ tab: "spectrum" });
    this.spectrum.cursor.read();
  }

  /** @param {WindowKind} kind */
  addInMiddle(kind) {
    const [low, high] = this.spectrum.plot.scales.x.range;
    const half = ((high - low) * KEYBOARD_SHARE) / 2;
    const middle = this.spectrum.cursor.at ?? (low + high) / 2;
    void this.add(kind, middle - half, middle + half);
  }

  /** @param {WindowKind} kind @param {number} low @param {number} high */
  async add(kind, low, high) {
    this.take(null);
    const windows = this.windows();
    const number = windows.free(kind);
    if (number === null) {
      setText(this.refusal, `All ${kind === "ROI" ? "regions" : "peaks"} are in use. Remove one first.`);
      return;
    }
    const [from, to] = [low, high].map((each) => Number(each.toPrecision(6)));
    await this.attempt(windows.set(kind, number, from, to));
  }

  /** @param {Promise<void>} put */
  async attempt(put) {
    setText(this.refusal, "");
    try {
      await put;
    } catch (why) {
      setText(this.refusal, why instanceof Error ? why.message : String(why));
    }
  }

  /** The regions and peaks, or their numbers, have changed. */
  update() {
    const windows = this.windows();
    const used = windows.used();
    const keys = new Set(used.map((each) => `${windows.red}${each.kind}${each.number}`));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.end();
      row.element.remove();
      this.rows.delete(key);
    }
    for (const window of used) {
      const key = `${windows.red}${window.kind}${window.number}`;
      let row = this.rows.get(key);
      if (!row) {
        row = this.makeRow(windows, window.kind, window.number);
        this.rows.set(key, row);
        this.list.append(row.element);
      }
      setText(row.words, windows.words(window).join(" · "));
    }
    const { pv } = { pv: this.page.store.pv(windows.name("ROI", 1, "Min")) };
    for (const each of Object.values(this.buttons)) each.disabled = !pv.connected || pv.readonly;
  }

  /** @param {Windows} windows @param {WindowKind} kind @param {number} number @returns {WindowRow} */
  makeRow(windows, kind, number) {
    const title = windowTitle(kind, number);
    const fields = ["Min", "Max"].map((each) =>
      settingField(this.page.store, windows.name(kind, number, each), { label: `${title} ${each === "Min" ? "from" : "to"}`, narrow: true }),
    );
    const remove = () => void this.attempt(windows.set(kind, number, 0, 0));
    const button = h("button", { type: "button", class: "quiet", "aria-label": `Remove ${title}`, title: `Remove ${title}`, click: remove }, "×");
    const words = h("p", { class: "numbers" });
    const element = h("li", { class: kind === "ROI" ? "of-region" : "of-peak" }, h("div", { class: "limits" }, ...fields.map((each) => each.element), button), words);
    return { element, words, end: () => fields.forEach((each) => each.end()) };
  }
}
