// What happened, in words, while the page was open: refusals, alarms, restarts, lost connections.

import { h, setText } from "../controls/elements.js";
import { clock } from "../controls/numbers.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {"info" | "warning" | "error"} Gravity */

const MOST = 200;
/** PVs that are words about what is wrong, and what stands before the words. */
const TEXTS = {
  StatusMessage_RBV: "Status",
  Refusal_RBV: "Refused",
  Pending_RBV: "Waiting for other settings",
  RunMessage_RBV: "Run",
  "File:Message_RBV": "File",
  "Sim:LogMessage_RBV": "Event log",
  "Sim:StatusMessage_RBV": "Simulator",
};

export class MessagesView {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.list = h("ol", { class: "messages", "aria-label": "Messages, newest first" });
    this.empty = h("p", { class: "note" }, "Nothing has happened since this page was opened.");
    this.element = h("div", {}, this.list, this.empty);
    /** @type {Map<string, string>} */
    this.last = new Map();
    this.restarts = NaN;
    /** @type {(() => void)[]} called when there is another message */
    this.followers = [];
  }

  start() {
    const { store } = this.page;
    const names = Object.keys(TEXTS);
    store.watch([...names, "Status_RBV"], () => names.forEach((each) => this.said(each)));
    store.watch(["Restarts_RBV"], () => this.restarted());
    let end = () => {};
    this.page.onReduction((red) => {
      end();
      end = store.watch([`${red}NormalisationMessage_RBV`], () => this.normalised(red));
    });
  }

  /** @param {string} name of a text in TEXTS */
  said(name) {
    const { store } = this.page;
    const pv = store.pv(name);
    if (!pv.connected) return;
    const first = !this.last.has(name);
    const before = this.last.get(name) ?? "";
    if (pv.text === before) return;
    this.last.set(name, pv.text);
    if (first && name !== "StatusMessage_RBV") return;
    const words = TEXTS[/** @type {keyof typeof TEXTS} */ (name)];
    const grave = name === "StatusMessage_RBV" && store.pv("Status_RBV").severity === "MAJOR";
    if (pv.text) this.add(grave ? "error" : name === "Sim:StatusMessage_RBV" ? "info" : "warning", `${words}: ${pv.text}`);
    else if (name === "StatusMessage_RBV") this.add("info", "Status: all is well again");
  }

  /** @param {string} red prefix of the reduction that is shown */
  normalised(red) {
    const text = this.page.store.text(`${red}NormalisationMessage_RBV`);
    if (text && text !== this.last.get(`${red}normalisation`)) this.add("warning", text);
    this.last.set(`${red}normalisation`, text);
  }

  restarted() {
    const now = this.page.store.number("Restarts_RBV");
    if (!Number.isFinite(now)) return;
    if (now > this.restarts) this.add("warning", `Ranks or simulator were started again (${now} times since the IOC started)`);
    else if (now < this.restarts) this.add("warning", "The IOC was started again");
    this.restarts = now;
  }

  /** @param {{session: string, pv: string, value: string, message: string}} put of any session, this one too */
  put({ session, pv, value, message }) {
    const name = this.page.store.short(pv);
    if (message) this.add("warning", `${session} put ${value} to ${name}, which was refused: ${message}`);
    else this.add("info", `${session} put ${value} to ${name}`);
  }

  /** @param {Gravity} gravity @param {string} words */
  add(gravity, words) {
    const time = h("time", {}, clock(this.page.now()));
    this.list.prepend(h("li", { class: gravity }, time, h("span", {}, words)));
    while (this.list.childElementCount > MOST) this.list.lastElementChild?.remove();
    setText(this.empty, "");
    for (const each of this.followers) each();
  }
}
