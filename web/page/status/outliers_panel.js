// Dead and hot detectors: how they are searched for, how many there are, and one press that masks them.

import { h, setText } from "../controls/elements.js";
import { commandButton, settingField } from "../controls/fields.js";
import { grouped } from "../controls/numbers.js";

/** @typedef {import("../state/page.js").Page} Page */

/** The group of settings in which this is, as the address names it. */
export const OUTLIERS = "outliers";

/** Lists of detectors that are shown; longer ones are cut. */
const LONGEST_LIST = 400;
const UNMASK = "Put back the mask from before dead and hot detectors were masked? What was masked since is lost.";
const READINGS = ["Sigmas_RBV", "NumTested_RBV", "NumDead_RBV", "NumHot_RBV", "Dead_RBV", "Hot_RBV"];

/**
 * The search for dead and hot detectors of the reduction that is shown. Their lists are followed while it is open.
 *
 * @param {Page} page
 * @returns {HTMLElement}
 */
export function outliersPanel(page) {
  const { store, view } = page;
  const place = h("div", {});
  const words = h("p", { class: "numbers", role: "status" });
  const lists = h("p", { class: "hint lists" });
  const refusal = h("p", { class: "refusal", role: "alert" });
  const refused = (/** @type {string} */ why) => setText(refusal, why);
  /** @type {(() => void)[]} */
  let ends = [];
  let watched = "";
  let end = () => {};
  const stem = () => `${page.red}Outliers:`;
  const show = () => {
    setText(words, foundWords(page, stem()));
    setText(lists, ["Dead", "Hot"].map((each) => listWords(each, store.text(`${stem()}${each}_RBV`))).filter(Boolean).join(". "));
  };
  const follow = () => {
    const names = view.state.groups.split(",").includes(OUTLIERS) ? READINGS.map((each) => stem() + each) : [];
    if (names.join() === watched) return;
    watched = names.join();
    end();
    end = names.length ? store.watch(names, show) : () => {};
  };
  page.onReduction(() => {
    for (const each of ends) each();
    const sigmas = settingField(store, `${stem()}Sigmas`);
    ends = [sigmas.end];
    const mask = commandButton(store, { name: `${stem()}Mask`, words: "Mask them" }, refused, ends);
    const back = commandButton(store, { name: `${stem()}Unmask`, words: "Unmask them", question: UNMASK }, refused, ends);
    place.replaceChildren(sigmas.element, words, h("div", { class: "buttons" }, mask, back), refusal, lists);
    refused("");
    follow();
  });
  view.follow(follow);
  return place;
}

/** @param {Page} page @param {string} stem prefix of the PVs @returns {string} how many were found */
function foundWords({ store }, stem) {
  if (!(store.number(`${stem}Sigmas_RBV`) > 0)) return "No search.";
  const [tested, dead, hot] = ["NumTested", "NumDead", "NumHot"].map((each) => store.number(`${stem}${each}_RBV`));
  if (!(tested > 0)) return "No detectors have been tested yet.";
  return `${grouped(dead)} dead and ${grouped(hot)} hot of ${grouped(tested)} detectors`;
}

/** @param {string} word @param {string} ids @returns {string} */
function listWords(word, ids) {
  if (!ids) return "";
  return `${word}: ${ids.length > LONGEST_LIST ? `${ids.slice(0, LONGEST_LIST)} …` : ids}`;
}
