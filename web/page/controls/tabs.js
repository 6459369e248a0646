// The tabs: one view at a time. Another view is another line in the list that is given to `Tabs`.

import { h } from "./elements.js";

/** @typedef {{id: string, title: string, content: HTMLElement[]}} Tab */

export class Tabs {
  /**
   * @param {HTMLElement} place
   * @param {import("../state/view_state.js").View} view
   * @param {Tab[]} tabs
   */
  constructor(place, view, tabs) {
    this.view = view;
    this.tabs = tabs;
    this.buttons = tabs.map(({ id, title }) =>
      h("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `view-${id}`, click: () => view.set({ tab: id }) }, title),
    );
    this.panels = tabs.map(({ id, content }) =>
      h("section", { role: "tabpanel", id: `view-${id}`, "aria-labelledby": `tab-${id}`, class: `view view-${id}` }, ...content),
    );
    const bar = h("div", { role: "tablist", class: "tabs", "aria-label": "Views", keydown: (/** @type {KeyboardEvent} */ event) => this.key(event) }, ...this.buttons);
    place.append(bar, ...this.panels);
    view.follow(() => this.update());
    this.update();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const at = (this.shown() + by + this.tabs.length) % this.tabs.length;
    this.view.set({ tab: this.tabs[at].id });
    this.buttons[at].focus();
  }

  /** @returns {number} */
  shown() {
    return Math.max(0, this.tabs.findIndex(({ id }) => id === this.view.state.tab));
  }

  update() {
    const shown = this.shown();
    this.buttons.forEach((button, index) => {
      button.setAttribute("aria-selected", String(index === shown));
      button.tabIndex = index === shown ? 0 : -1;
    });
    this.panels.forEach((panel, index) => {
      panel.hidden = index !== shown;
    });
  }
}
