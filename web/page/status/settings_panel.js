// The settings beside the plot, in groups that open and close.

import { acquisitionPanel } from "./acquisition.js";
import { h, freshId, setText } from "../controls/elements.js";
import { settingField } from "../controls/fields.js";
import { OUTLIERS, outliersPanel } from "./outliers_panel.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {{id: string, title: string, names: string[], side?: string[]}} Group id: its name in an address; names of PVs; side: those side by side */

/** PVs of a reduction. */
/** @type {Group[]} */
const OF_REDUCTION = [
  { id: "bins", title: "Bins", names: ["Units", "BinMin", "BinStep", "BinMax", "BinParams"], side: ["BinMin", "BinStep", "BinMax"] },
  { id: "filter", title: "Filter and slices", names: ["Filter:Log", "Filter:Min", "Filter:Step", "Filter:Max", "Filter:Invert"], side: ["Filter:Min", "Filter:Step", "Filter:Max"] },
  { id: "mask", title: "Mask and groups", names: ["Mask", "Groups", "Calibration"] },
  {
    id: "image",
    title: "Detector image",
    names: ["EnableCallbacks", "View", "Scale", "Source", "Number", "Min", "Max", "Resolution", "Rate"].map((each) => `Image:${each}`),
    side: ["Image:Min", "Image:Max"],
  },
  {
    id: "map",
    title: "Map",
    names: ["EnableCallbacks", "Against", "Log", "Rows", "Min", "Max", "BinParams", "Rate"].map((each) => `Map:${each}`),
    side: ["Map:Min", "Map:Max"],
  },
  { id: "normalisation", title: "Normalisation", names: ["Normalisation", "Background", "Vanadium"] },
];

/** PVs of the simulator. */
/** @type {Group[]} */
const OF_SIMULATOR = [
  {
    id: "simulator",
    title: "Simulator",
    names: [
      ...["Pause", "PulseRate", "EventsPerPulse", "MonitorEventsPerPulse", "BackgroundFraction", "RelativePeakWidth"],
      ...["Temperature", "Pressure", "BulkModulus", "UnitCell", "SpaceGroup", "Atoms", "DMin", "DMax"],
    ].map((each) => `Sim:${each}`),
    side: ["Sim:DMin", "Sim:DMax"],
  },
  {
    id: "uneven",
    title: "Simulated texture and faults",
    names: [
      ...["MarchCoefficient", "TextureHKL", "TextureAxis", "ShadowRadius", "ShadowTwoTheta", "ShadowAzimuth"],
      ...["ShadowTransmission", "HotDetectors", "HotFactor", "DeadDetectors"],
    ].map((each) => `Sim:${each}`),
  },
];
/** A PV that is INVALID if there is no simulator. */
const SIMULATED = "Sim:Pulse_RBV";
/** What stands over a field instead of the PV's description, where three stand side by side. */
/** @type {Record<string, string>} */
const SHORT = { "Image:Min": "from", "Image:Max": "to", "Map:Min": "from", "Map:Max": "to", BinMin: "from", BinStep: "step", BinMax: "to", "Filter:Min": "from", "Filter:Step": "step", "Filter:Max": "to" };

/**
 * Fill the column of settings.
 *
 * @param {Page} page
 * @param {HTMLElement} column
 * @param {HTMLElement} windows the panel of regions and peaks
 */
export function fillSettings(page, column, windows) {
  const waiting = h("p", { class: "waiting", role: "status" });
  page.store.watch(["Pending_RBV"], () => {
    const text = page.store.text("Pending_RBV");
    setText(waiting, text ? `Waiting for other settings: ${text}` : "");
  });
  column.append(waiting, reductionChoice(page), section(page, "acquisition", "Acquisition", [acquisitionPanel(page)]));
  column.append(...OF_REDUCTION.map((group) => ofReduction(page, group)));
  column.append(section(page, OUTLIERS, "Dead and hot detectors", [outliersPanel(page)]));
  column.append(section(page, "windows", "Regions and peaks", [windows]));
  const simulator = OF_SIMULATOR.map((group) => section(page, group.id, group.title, fieldsOf(page, group, "").elements));
  column.append(...simulator);
  page.store.watch([SIMULATED], () => {
    const { connected, severity } = page.store.pv(SIMULATED);
    for (const each of simulator) each.hidden = !connected || severity === "INVALID";
  });
}

/** @param {Page} page @param {Group} group @returns {HTMLElement} the settings of the reduction that is shown */
function ofReduction(page, group) {
  const place = h("div", {});
  /** @type {(() => void)[]} */
  let ends = [];
  page.onReduction((red) => {
    for (const end of ends) end();
    const made = fieldsOf(page, group, red);
    ends = made.ends;
    place.replaceChildren(...made.elements);
  });
  return section(page, group.id, group.title, [place]);
}

/** @param {Page} page @returns {HTMLElement | string} which reduction is shown, if there are several */
function reductionChoice(page) {
  const count = page.hello.reductions;
  if (count < 2) return "";
  const id = freshId("reduction");
  const options = Array.from({ length: count }, (_, index) => h("option", { value: index + 1 }, `Reduction ${index + 1}`));
  const select = h("select", { id, change: () => page.view.set({ reduction: Number(select.value), x: null, y: null }) }, ...options);
  page.view.follow(() => {
    select.value = String(page.view.state.reduction);
  });
  return h("div", { class: "field" }, h("label", { for: id }, "Shown"), select);
}

/** @param {Page} page @param {Group} group @param {string} red prefix of the reduction */
function fieldsOf(page, group, red) {
  const ends = [];
  /** @type {HTMLElement[]} */
  const elements = [];
  const row = h("div", { class: "side-by-side" });
  for (const name of group.names) {
    const beside = group.side?.includes(name) ?? false;
    const field = settingField(page.store, red + name, { label: SHORT[name], narrow: beside });
    ends.push(field.end);
    if (!beside) elements.push(field.element);
    else {
      if (!row.parentElement && !row.childElementCount) elements.push(row);
      row.append(field.element);
    }
  }
  return { elements, ends };
}

/**
 * A group of settings, which is open if the view says so.
 *
 * @param {Page} page
 * @param {string} id its name in an address
 * @param {string} title
 * @param {HTMLElement[]} content
 * @returns {HTMLDetailsElement}
 */
function section(page, id, title, content) {
  const element = h("details", { class: "section", "data-group": id }, h("summary", {}, h("h2", {}, title)), ...content);
  const isOpen = () => page.view.state.groups.split(",").includes(id);
  element.open = isOpen();
  element.addEventListener("toggle", () => {
    if (element.open === isOpen()) return;
    const others = page.view.state.groups.split(",").filter((each) => each && each !== id);
    page.view.set({ groups: (element.open ? [...others, id] : others).sort().join(",") });
  });
  page.view.follow(() => {
    if (element.open !== isOpen()) element.open = isOpen();
  });
  return element;
}
