// Builds the page and connects its parts.

import { Connection } from "./state/connection.js";
import { downloads } from "./controls/downloads.js";
import { byId, h, setText } from "./controls/elements.js";
import { EventsView } from "./status/events_view.js";
import { FitsView } from "./spectrum/fits_view.js";
import { HistoryView } from "./status/history_view.js";
import { InstrumentView } from "./space/instrument_view.js";
import { showHelp, startKeyboard } from "./controls/keyboard.js";
import { MessagesView } from "./status/messages_view.js";
import { Page } from "./state/page.js";
import { PickedPanel } from "./picture/picked_panel.js";
import { PictureView } from "./picture/picture_view.js";
import { PvStore } from "./state/pv_store.js";
import { fillSettings } from "./status/settings_panel.js";
import { SpectrumView } from "./spectrum/spectrum_view.js";
import { StatusLine } from "./status/status_line.js";
import { Tabs } from "./controls/tabs.js";
import { isDark, onTheme, startTheme, switchTheme } from "./controls/theme.js";
import { spectrumToolbar } from "./spectrum/toolbar.js";
import { View } from "./state/view_state.js";
import { WindowLayer, Windows } from "./spectrum/windows.js";
import { WindowsPanel } from "./spectrum/windows_panel.js";

/** @typedef {import("./state/connection.js").Hello} Hello */

/** @type {Hello} */
const NOBODY = { prefix: "", reductions: 1, write: false, session: "", version: "", simulator: false };

const PICTURE_KEYS = "arrow keys move the cursor, plus and minus zoom, 0 shows all";

/** The page: it is built once, when the server first says what there is. */
class App {
  constructor() {
    const socket = new URL("pvws/pv", location.href);
    socket.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket.hash = "";
    this.connection = new Connection(socket.href, {
      hello: (hello) => this.greeted(hello),
      update: (update) => this.store.update(update),
      frame: (frame) => this.store.frame(frame),
      link: (state, why) => this.linked(state, why),
      put: (put) => this.messages.put(put),
      error: (message) => this.messages.add("error", `The web server: ${message}`),
    });
    this.store = new PvStore(this.connection);
    this.view = new View();
    this.page = new Page(this.store, this.view, NOBODY);
    this.messages = new MessagesView(this.page);
    this.status = new StatusLine(this.page, byId("status"));
    this.built = false;
    this.wasOpen = false;
    startTheme();
    this.connection.open();
  }

  /** @param {import("./state/connection.js").LinkState} state @param {string} why */
  linked(state, why) {
    this.status.linkChanged(state);
    if (state === "open") this.wasOpen = true;
    if (state !== "lost") return;
    this.store.disconnect();
    if (this.wasOpen) this.messages.add("error", `The connection to the web server was lost${why ? `: ${why}` : ""}`);
    this.wasOpen = false;
  }

  /** @param {Hello} hello */
  greeted(hello) {
    this.page.greeted(hello);
    this.store.mayWrite = hello.write;
    if (this.built && this.store.prefix === hello.prefix) {
      this.showSession();
      void this.history?.load();
      this.reference?.checkKept();
      return;
    }
    if (this.built) location.reload();
    this.built = true;
    this.store.prefix = hello.prefix;
    this.build();
  }

  build() {
    const { page, store, view } = this;
    page.followReduction();
    const spectrum = new SpectrumView(page);
    let windows = new Windows(store, page.red);
    const panel = new WindowsPanel(page, spectrum, () => windows);
    const layer = new WindowLayer(spectrum.plot, () => windows, (words) => setText(panel.refusal, words));
    const changed = () => {
      layer.changed();
      panel.update();
    };
    page.onReduction((red) => {
      windows.end();
      windows = new Windows(store, red);
      windows.followers.push(changed);
    });
    const save = downloads(page, spectrum.plot, (words) => this.messages.add("error", words));
    /** @type {PictureView | null} */
    let drawn = null;
    const picked = new PickedPanel(page, "image", () => drawn?.plot.overChanged());
    const image = new PictureView(page, "Image", { tab: "image", label: `Detector image; ${PICTURE_KEYS}`, controls: [picked.restore], picking: picked });
    drawn = image;
    const map = new PictureView(page, "Map", { tab: "map", label: `Map; ${PICTURE_KEYS}`, controls: [], picking: null });
    /** @type {InstrumentView | null} */
    let built = null;
    const pickedBank = new PickedPanel(page, "instrument", () => built?.changed());
    const instrument = new InstrumentView(page, pickedBank, [pickedBank.restore]);
    built = instrument;
    const fits = new FitsView(page);
    const history = new HistoryView(page);
    this.history = history;
    new Tabs(byId("views"), view, [
      { id: "spectrum", title: "Spectrum", content: [spectrumToolbar(page, spectrum, save), spectrum.element] },
      { id: "image", title: "Detector image", content: [image.element, picked.element] },
      { id: "instrument", title: "Instrument", content: [instrument.element, pickedBank.element] },
      { id: "map", title: "Map", content: [map.element] },
      { id: "fits", title: "Peaks against log", content: [fits.element] },
      { id: "history", title: "History", content: [history.element] },
      { id: "events", title: "Where events went", content: [new EventsView(page).element] },
      { id: "messages", title: "Messages", content: [this.messages.element] },
    ]);
    this.countMessages();
    fillSettings(page, byId("settings"), panel.element);
    page.onResult(() => spectrum.update());
    onTheme(() => {
      for (const plot of [spectrum.plot, spectrum.differences, image.plot, picked.plot, map.plot, fits.plot, pickedBank.plot, instrument, ...history.strips.map((each) => each.plot)]) plot.changed();
    });
    this.status.start();
    this.messages.start();
    this.reference = spectrum.reference;
    this.reference.start();
    this.makeHead(spectrum);
    this.showSession();
    void history.load();
    view.tell();
    byId("loading").remove();
  }

  /** The number of messages that were not seen yet stands on their tab. */
  countMessages() {
    const tab = byId("tab-messages");
    let fresh = 0;
    const show = () => {
      if (this.view.state.tab === "messages") fresh = 0;
      setText(tab, fresh ? `Messages (${fresh})` : "Messages");
    };
    this.messages.followers.push(() => {
      fresh += 1;
      show();
    });
    this.view.follow(show);
  }

  /** @param {SpectrumView} spectrum */
  makeHead(spectrum) {
    const { view } = this;
    /** @type {import("./controls/keyboard.js").Shortcut[]} */
    const shortcuts = [
      { key: "l", words: "logarithmic scale", act: () => view.set({ log: !view.state.log }) },
      { key: "e", words: "errors: band, bars, none", act: () => view.set({ errors: next(view.state.errors) }) },
      { key: "f", words: "freeze as reference, or drop it", act: () => spectrum.toggleReference() },
      { key: "d", words: "difference to the reference", act: () => view.set({ difference: !view.state.difference }) },
      { key: "0", words: "show all", act: () => view.showAll() },
      { key: "t", words: "dark or light", act: switchTheme },
      { key: "?", words: "this help", act: () => help() },
      { key: "p", words: "go to the plot", act: focusPlot },
    ];
    const help = () => showHelp(shortcuts, this.sessionWords());
    startKeyboard(shortcuts);
    const theme = h("button", { type: "button", class: "quiet", click: switchTheme });
    const name = () => setText(theme, isDark() ? "Light" : "Dark");
    onTheme(name);
    name();
    byId("tools").append(h("button", { type: "button", class: "quiet", click: help }, "Help"), theme);
  }

  /** @returns {string[]} */
  sessionWords() {
    const { prefix, session, write, version } = this.page.hello;
    const may = write
      ? "It may write. The IOC sees all pages of this server as one user; the server logs each put under the name of its session."
      : "It can only look. To write, open the address with the token that the program printed at its start.";
    return [`Process variables ${prefix}…, version ${version}. This session is called ${session}.`, may];
  }

  showSession() {
    const { session, write, prefix } = this.page.hello;
    const place = byId("session");
    setText(place, `${prefix} · ${session}${write ? "" : " · read only"}`);
    place.title = this.sessionWords().join("\n");
  }
}

/** Give the focus to the first plot of the tab that is shown. */
function focusPlot() {
  /** @type {HTMLElement | null} */
  const surface = document.querySelector(".view:not([hidden]) .surface");
  surface?.focus();
}

/** @param {import("./state/view_state.js").ViewState["errors"]} errors */
function next(errors) {
  /** @type {import("./state/view_state.js").ViewState["errors"][]} */
  const order = ["band", "bars", "none"];
  return order[(order.indexOf(errors) + 1) % order.length];
}

new App();
