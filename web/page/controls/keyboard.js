// Keys that do something wherever the focus is, except in a field; and the page that lists them.

import { h } from "./elements.js";

/** @typedef {{key: string, words: string, act: () => void}} Shortcut */

/** Keys of the plot, which `PlotInput` obeys. */
const ON_PLOT = [
  ["← →", "move the cursor by a bin (Shift: ten)"],
  ["+ −", "zoom in and out"],
  ["Page Up, Page Down", "move the view"],
  ["0 or Home", "show all"],
];
const BY_MOUSE = [
  ["drag", "zoom into the interval; on the numbers of the upright axis: fix the height"],
  ["Shift and drag", "move the view"],
  ["wheel, once the plot was clicked", "zoom at the cursor"],
  ["double click", "show all"],
];

/** @param {Shortcut[]} shortcuts */
export function startKeyboard(shortcuts) {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea, dialog")) return;
    const found = shortcuts.find(({ key }) => key === event.key.toLowerCase());
    if (!found) return;
    event.preventDefault();
    found.act();
  });
}

/** @param {Shortcut[]} shortcuts @param {string[]} words about this session */
export function showHelp(shortcuts, words) {
  const rows = (/** @type {string[][]} */ list) =>
    list.map(([key, does]) => h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, does)));
  const dialog = h("dialog", { class: "help", "aria-label": "Help" });
  dialog.append(
    h("h2", {}, "Keys"),
    h("table", {}, h("tbody", {}, ...rows(shortcuts.map(({ key, words: does }) => [key.toUpperCase(), does])))),
    h("h2", {}, "On a plot that has the focus"),
    h("table", {}, h("tbody", {}, ...rows(ON_PLOT))),
    h("h2", {}, "With the mouse"),
    h("table", {}, h("tbody", {}, ...rows(BY_MOUSE))),
    h("h2", {}, "This session"),
    ...words.map((each) => h("p", {}, each)),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "primary", click: () => dialog.close() }, "Close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
