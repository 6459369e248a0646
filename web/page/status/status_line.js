// The line that is always in sight: connection, state, age of the result, its pulses, rate and lag.

import { h, setText } from "../controls/elements.js";
import { amount, duration, figure } from "../controls/numbers.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {import("../state/connection.js").LinkState} LinkState */

/** The IOC counts HEARTBEAT up once a second; after this time without it, it is said to be silent. */
const HEART_S = 5;
/** A result that is older than this while events are counted is marked. */
const OLD_S = 3;
const NAMES = [
  ...["DetectorState_RBV", "Status_RBV", "StatusMessage_RBV", "HEARTBEAT", "EventRate_RBV", "Lag_RBV", "LagLimit_RBV"],
  ...["CatchUp_RBV", "RunName_RBV", "RunState_RBV"],
];

/** @type {Record<string, {words: string, look: string}>} */
const STATES = {
  Acquire: { words: "Acquiring", look: "good" },
  Waiting: { words: "Paused", look: "wait" },
  Idle: { words: "Idle", look: "idle" },
  Initializing: { words: "Starting", look: "wait" },
  Readout: { words: "Reading the event log again", look: "wait" },
  Disconnected: { words: "No ranks", look: "bad" },
  Error: { words: "Error", look: "bad" },
};

export class StatusLine {
  /** @param {Page} page @param {HTMLElement} place */
  constructor(page, place) {
    this.page = page;
    this.state = h("strong", { class: "state", role: "status" });
    this.age = item("Result", "age");
    this.pulses = item("Pulses", "pulses");
    this.rate = item("Events", "rate");
    this.lag = item("Lag", "lag");
    this.run = item("Run", "run");
    this.alarm = h("p", { class: "alarm-words", role: "alert" });
    /** @type {LinkState} */
    this.link = "connecting";
    this.since = performance.now();
    this.heart = { value: NaN, at: performance.now() };
    place.append(
      h("div", { class: "status" }, this.state, ...[this.age, this.pulses, this.rate, this.lag, this.run].map((each) => each.element)),
      this.alarm,
    );
  }

  start() {
    const { page } = this;
    page.store.watch(NAMES, () => this.update());
    page.onResult(() => this.update());
    setInterval(() => this.update(), 500);
    document.addEventListener("visibilitychange", () => {
      this.heart.at = performance.now(); // a page that was not in sight had few updates
    });
  }

  /** @param {LinkState} link */
  linkChanged(link) {
    if (link === "open" || this.link === "open") this.since = performance.now();
    this.link = link;
    this.update();
  }

  /** @returns {{words: string, look: string, why: string}} what is to be said of connection and state */
  present() {
    const { store } = this.page;
    const gone = duration((performance.now() - this.since) / 1000);
    if (this.link !== "open")
      return { words: "No server", look: "bad", why: `No connection to the web server for ${gone}; trying again. What is shown is old.` };
    const heart = store.pv("HEARTBEAT");
    if (!heart.connected) {
      const first = this.heart.at === 0 || Number.isNaN(this.heart.value);
      const since = duration((performance.now() - this.heart.at) / 1000);
      return { words: "No IOC", look: "bad", why: first ? "The IOC has not answered yet." : `The IOC has not answered for ${since}. What is shown is old.` };
    }
    const silent = (performance.now() - this.heart.at) / 1000;
    if (silent > HEART_S && !document.hidden)
      return { words: "IOC silent", look: "bad", why: `The IOC has been silent for ${duration(silent)}. What is shown is old.` };
    const label = store.text("DetectorState_RBV");
    const state = STATES[label] ?? { words: label, look: "idle" };
    return { ...state, why: store.text("StatusMessage_RBV") };
  }

  update() {
    const { store } = this.page;
    const beat = store.number("HEARTBEAT");
    if (Number.isFinite(beat) && beat !== this.heart.value) this.heart = { value: beat, at: performance.now() };
    const { words, look, why } = this.present();
    const catchUp = store.text("DetectorState_RBV") === "Readout" ? ` ${figure(store.number("CatchUp_RBV"), 3)} %` : "";
    setText(this.state, words + (look === "bad" ? "" : catchUp));
    this.state.dataset.look = look;
    document.documentElement.dataset.stale = String(look === "bad");
    setText(this.alarm, why);
    this.alarm.dataset.severity = look === "bad" ? "MAJOR" : store.pv("Status_RBV").severity;
    this.showResult(look);
    document.title = `${words} · ${this.page.hello.prefix || "live reduction"}`;
  }

  /** @param {string} look of the state */
  showResult(look) {
    const { page } = this;
    const { store } = page;
    const { seconds } = page.snapshot();
    const age = seconds > 0 ? page.now() - seconds : NaN;
    setText(this.age.value, Number.isFinite(age) ? `${duration(age)} old` : "none yet");
    this.age.element.classList.toggle("marked", look === "bad" || (look === "good" && age > OLD_S));
    setText(this.pulses.value, page.pulses());
    const rate = store.number("EventRate_RBV");
    setText(this.rate.value, `${amount(rate)} /s`);
    const lag = store.number("Lag_RBV");
    setText(this.lag.value, lag < 1 ? `${lag.toFixed(2)} s` : duration(lag));
    this.lag.element.classList.toggle("marked", lag > store.number("LagLimit_RBV"));
    const run = store.text("RunName_RBV");
    setText(this.run.value, run);
    this.run.element.hidden = !run;
  }
}

/** @param {string} name @param {string} style */
function item(name, style) {
  const value = h("span", { class: "value" });
  return { value, element: h("span", { class: `item ${style}` }, h("span", { class: "name" }, name), value) };
}
