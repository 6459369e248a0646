// Where the events went: each event received is in one class, and the classes add up.

import { h, setText } from "../controls/elements.js";
import { grouped } from "../controls/numbers.js";

/** @typedef {import("../state/page.js").Page} Page */

const CLASSES = ["Binned", "OutOfRange", "Masked", "Filtered", "Invalid"].map((each) => `Events${each}_RBV`);
const MORE = ["EventsBadPixel_RBV", "EventsBadTime_RBV", "MonitorCounts_RBV", "EventsAstray_RBV"];
const STREAM = [
  ...["PulsesAccumulated_RBV", "PulsesMissing_RBV", "PulsesLost_RBV", "LogBehind_RBV", "MessagesDropped_RBV"],
  ...["MessagesMissing_RBV", "MessagesLate_RBV", "MessagesCorrupt_RBV", "MessagesUnknown_RBV", "MessagesBadTime_RBV"],
  ...["MessagesBadLog_RBV", "MessagesIgnored_RBV", "MessagesRepeated_RBV", "MessagesOutOfOrder_RBV", "MessagesUnnumbered_RBV"],
  ...["RetainedEvents_RBV", "FoldedEvents_RBV", "Ranks_RBV", "Restarts_RBV"],
];

export class EventsView {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.bar = h("div", { class: "shares", role: "img", "aria-label": "Shares of the classes" });
    this.classes = h("tbody");
    this.stream = h("tbody");
    this.sum = h("p", { class: "note" });
    this.element = h(
      "div",
      { class: "events" },
      h("div", {}, h("h2", {}, "Events received since the last start or reset"), this.bar, tableOf(["class", "events", "share"], this.classes), this.sum),
      h("div", {}, h("h2", {}, "The stream"), tableOf(["reading", "value"], this.stream)),
    );
    this.end = () => {};
    page.onReduction((red) => {
      this.end();
      const names = [...CLASSES, ...MORE].map((each) => red + each);
      this.end = page.store.watch([...names, "EventTotal_RBV", ...STREAM], () => this.update());
    });
    page.view.follow(() => this.update());
  }

  update() {
    const { store, red, view } = this.page;
    if (view.state.tab !== "events") return;
    const counts = CLASSES.map((each) => store.number(red + each));
    const received = store.number("EventTotal_RBV");
    const sum = counts.reduce((total, each) => total + (each || 0), 0);
    this.drawShares(counts, sum);
    const rows = CLASSES.map((name, index) => {
      const share = sum ? `${((100 * counts[index]) / sum).toFixed(2)} %` : "–";
      const mark = h("i", { class: `mark class-${index}`, "aria-hidden": "true" });
      return h("tr", {}, h("th", { scope: "row" }, mark, store.pv(red + name).description), number(counts[index]), h("td", {}, share));
    });
    const more = MORE.map((name) => {
      const { description } = store.pv(red + name);
      return h("tr", { class: "of-them" }, h("th", { scope: "row" }, description), number(store.number(red + name)), h("td", {}));
    });
    this.classes.replaceChildren(...rows, ...more);
    setText(this.sum, `Received: ${grouped(received)}. Every event is in one of the first five classes.`);
    this.stream.replaceChildren(
      ...STREAM.map((name) => {
        const pv = store.pv(name);
        return h("tr", { class: pv.severity === "NONE" ? "" : "alarm" }, h("th", { scope: "row" }, pv.description || name), number(store.number(name)));
      }),
    );
  }

  /** @param {number[]} counts @param {number} sum */
  drawShares(counts, sum) {
    if (!this.bar.childElementCount) this.bar.append(...counts.map((_, index) => h("i", { class: `class-${index}` })));
    counts.forEach((count, index) => {
      const part = /** @type {HTMLElement} */ (this.bar.children[index]);
      part.style.width = `${sum ? (100 * count) / sum : 0}%`;
    });
  }
}

/** @param {string[]} heads @param {HTMLElement} body */
function tableOf(heads, body) {
  const head = h("tr", {}, ...heads.map((each) => h("th", { scope: "col" }, each)));
  return h("table", {}, h("thead", {}, head), body);
}

/** @param {number} value */
function number(value) {
  return h("td", { class: "number" }, grouped(value));
}
