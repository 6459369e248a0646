// The controls of how the spectrum is drawn. They change the view, never a PV.

import { h } from "../controls/elements.js";
import { freshId } from "../controls/elements.js";
import { FAMILIES } from "./families.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {import("../state/view_state.js").ViewState} ViewState */

/**
 * A choice of the view, with its name before it.
 *
 * @param {Page} page
 * @param {keyof ViewState} key
 * @param {string} name
 * @param {Record<string, string>} choices words for each value
 */
export function viewChoice(page, key, name, choices) {
  const id = freshId("view");
  const options = Object.entries(choices).map(([value, words]) => h("option", { value }, words));
  const select = h("select", { id, change: () => page.view.set({ [key]: select.value }) }, ...options);
  const follow = () => {
    const value = String(page.view.state[key]);
    if (select.value !== value) select.value = value;
  };
  page.view.follow(follow);
  follow();
  return h("div", { class: "choice" }, h("label", { for: id }, name), select);
}

/**
 * A button that is in or out.
 *
 * @param {Page} page
 * @param {"log" | "difference" | "imageClip" | "mapClip"} key
 * @param {string} words
 * @param {string} title
 */
export function viewToggle(page, key, words, title) {
  const press = () => page.view.set({ [key]: !page.view.state[key] });
  const button = h("button", { type: "button", title, click: press }, words);
  const follow = () => button.setAttribute("aria-pressed", String(page.view.state[key]));
  page.view.follow(follow);
  follow();
  return button;
}

/**
 * The toolbar above the spectrum.
 *
 * @param {Page} page
 * @param {import("./spectrum_view.js").SpectrumView} spectrum
 * @param {HTMLElement} downloads
 */
export function spectrumToolbar(page, spectrum, downloads) {
  const { view } = page;
  const spectra = viewChoice(page, "spectra", "Show", { total: "total", slices: "slices", groups: "groups", series: "series" });
  const as = viewChoice(page, "as", "as", { overlaid: "curves", offset: "offset curves", map: "map" });
  const pick = pickField(page);
  const errors = viewChoice(page, "errors", "Errors", { band: "band", bars: "bars", none: "none" });
  const whole = h("button", { type: "button", title: "Key 0", click: () => view.set({ x: null, y: null }) }, "Show all");
  const freeze = h("button", { type: "button", title: "Key F", click: () => spectrum.toggleReference() }, "Freeze as reference");
  const difference = viewToggle(page, "difference", "Difference", "Key D");
  const scaled = viewChoice(page, "reference", "Reference", { area: "scaled to equal area", same: "as it was" });
  const element = h(
    "div",
    { class: "toolbar", role: "group", "aria-label": "How the spectrum is drawn" },
    spectra,
    as,
    pick,
    viewToggle(page, "log", "Log scale", "Key L"),
    errors,
    whole,
    freeze,
    difference,
    scaled,
    downloads,
  );
  const follow = () => {
    const { state } = view;
    const total = state.spectra === "total";
    as.hidden = pick.hidden = total;
    errors.hidden = !total && state.as === "map";
    freeze.hidden = !total;
    difference.hidden = scaled.hidden = !total || !spectrum.reference.current;
    freeze.textContent = spectrum.reference.current ? "Drop reference" : "Freeze as reference";
    whole.disabled = !(state.x && state.unit === spectrum.unit()) && !state.y;
  };
  view.follow(follow);
  page.onResult(follow);
  follow();
  return element;
}

/** @param {Page} page @returns {HTMLElement} which slices, groups or series are drawn */
function pickField(page) {
  const id = freshId("pick");
  const input = h("input", { id, size: 8, placeholder: "all", change: () => page.view.set({ pick: input.value }) });
  const label = h("label", { for: id }, "numbers");
  const follow = () => {
    const { pick, spectra } = page.view.state;
    if (document.activeElement !== input) input.value = pick;
    if (spectra !== "total") input.title = `Numbers of ${FAMILIES[spectra].word}, as 1-5,9`;
  };
  page.view.follow(follow);
  follow();
  return h("div", { class: "choice" }, label, input);
}
