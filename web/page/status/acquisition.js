// Start, stop, pause, reset, series, the preset and how far it is.

import { h, setText } from "../controls/elements.js";
import { commandButton, settingField } from "../controls/fields.js";
import { duration, grouped } from "../controls/numbers.js";

/** @typedef {import("../state/page.js").Page} Page */

/** The setting of each preset, by the label of Preset. */
/** @type {Record<string, string[]>} */
const PRESETS = {
  Time: ["AcquireTime"],
  Pulses: ["PresetPulses"],
  Counts: ["PresetCounts", "PresetRegion"],
  RelError: ["PresetRelError", "PresetRegion"],
};
const MODES = { Window: ["WindowTime"], Fading: ["FadingTime"] };
const READINGS = ["TimeElapsed_RBV", "TimeRemaining_RBV", "Progress_RBV", "PulsesAccumulated_RBV", "Series_RBV", "Acquire_RBV"];

/**
 * The controls of the acquisition.
 *
 * @param {Page} page
 * @returns {HTMLElement}
 */
export function acquisitionPanel(page) {
  const { store } = page;
  const refusal = h("p", { class: "refusal", role: "alert" });
  const refused = (/** @type {string} */ words) => setText(refusal, words);
  const progress = h("progress", { max: 100, value: 0, "aria-label": "Progress to the preset" });
  const words = h("p", { class: "progress-words" });
  const drop = "What has been accumulated is dropped.";
  const buttons = h(
    "div",
    { class: "buttons" },
    commandButton(store, { name: "Acquire", words: "Start", style: "primary", question: `Start afresh? ${drop}` }, refused),
    commandButton(store, { name: "Stop", words: "Stop" }, refused),
    pauseButton(page, refused),
    commandButton(store, { name: "NextSeries", words: "Next series" }, refused),
    commandButton(store, { name: "Reset", words: "Reset", question: `Reset? ${drop} Counting goes on.` }, refused),
  );
  store.watch([...READINGS, "Preset_RBV"], () => {
    const preset = store.text("Preset_RBV") !== "None";
    progress.hidden = !preset;
    const percent = store.number("Progress_RBV");
    progress.value = Number.isFinite(percent) ? percent : 0;
    const left = store.number("TimeRemaining_RBV");
    const parts = [
      `${duration(store.number("TimeElapsed_RBV"))} measured`,
      `${grouped(store.number("PulsesAccumulated_RBV"))} pulses`,
      `series ${grouped(store.number("Series_RBV"))}`,
    ];
    if (preset) parts.unshift(`${Math.floor(progress.value)} %`);
    if (preset && left > 0) parts.push(`${duration(left)} to go`);
    setText(words, parts.join(" · "));
  });
  return h(
    "div",
    {},
    buttons,
    refusal,
    progress,
    words,
    settingField(store, "Preset").element,
    dependent(page, "Preset", PRESETS),
    settingField(store, "AccumulationMode").element,
    dependent(page, "AccumulationMode", MODES),
  );
}

/** @param {Page} page @param {(words: string) => void} refused */
function pauseButton(page, refused) {
  const { store } = page;
  const paused = () => store.pv("Pause").value === 1;
  const press = async () => {
    refused("");
    try {
      await store.write("Pause", paused() ? 0 : 1);
    } catch (why) {
      refused(why instanceof Error ? why.message : String(why));
    }
  };
  const button = h("button", { type: "button", click: press, "data-pv": "Pause" }, "Pause");
  store.watch(["Pause"], () => {
    const pv = store.pv("Pause");
    button.disabled = !pv.connected || pv.readonly;
    button.title = pv.description;
    setText(button, paused() ? "Resume" : "Pause");
  });
  return button;
}

/**
 * The fields that belong to the present label of a choice; others are hidden.
 *
 * @param {Page} page
 * @param {string} name of the choice
 * @param {Record<string, string[]>} fields names of PVs by label
 */
function dependent(page, name, fields) {
  const { store } = page;
  const names = [...new Set(Object.values(fields).flat())];
  const made = names.map((each) => ({ name: each, element: settingField(store, each).element }));
  const place = h("div", {}, ...made.map((each) => each.element));
  store.watch([name], () => {
    const { value, labels } = store.pv(name);
    const wanted = fields[typeof value === "number" ? labels[value] : ""] ?? [];
    for (const each of made) each.element.hidden = !wanted.includes(each.name);
  });
  return place;
}
