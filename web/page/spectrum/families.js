// Spectra of slices, groups and series: which there are, what they are called, and those that are drawn.

import { figure, unitSymbol } from "../controls/numbers.js";

/** @typedef {import("../state/pv_store.js").PvStore} PvStore */
/** @typedef {import("../state/wire.js").Numbers} Numbers */
/** @typedef {"slices" | "groups" | "series"} FamilyKind */
/** @typedef {{number: number, name: string, y: Numbers | null, e: Numbers | null}} Member one spectrum */

/** Names of PVs: of one spectrum, of arrays over all of them, of their number. */
export const FAMILIES = {
  slices: { one: "Slice", all: "Slices:", count: "NumSlices_RBV", word: "slice" },
  groups: { one: "Group", all: "Groups:", count: "NumGroups_RBV", word: "group" },
  series: { one: "Series", all: "Series:", count: "NumSeries_RBV", word: "series" },
};

export class Family {
  /**
   * @param {PvStore} store
   * @param {string} red prefix of the reduction
   * @param {FamilyKind} kind
   * @param {() => void} changed
   */
  constructor(store, red, kind, changed) {
    this.store = store;
    this.red = red;
    this.kind = kind;
    this.changed = changed;
    /** @type {number[]} */
    this.numbers = [];
    this.withErrors = false;
    /** @type {(() => void)[]} */
    this.ends = [];
    if (kind === "slices") this.ends.push(store.watch(this.logNames(), changed));
    /** @type {() => void} */
    this.endMembers = () => {};
  }

  logNames() {
    return ["Slices:Low_RBV", "Slices:High_RBV", "Slices:Middle_RBV", "Filter:Log_RBV"].map((each) => this.red + each);
  }

  /** @returns {number} how many spectra there are */
  count() {
    return this.store.number(this.red + FAMILIES[this.kind].count) || 0;
  }

  /** @param {number} number @param {string} field */
  name(number, field) {
    return `${this.red}${FAMILIES[this.kind].one}${number}:${field}`;
  }

  /**
   * Draw these spectra from now on.
   *
   * @param {number[]} numbers
   * @param {boolean} withErrors
   */
  show(numbers, withErrors) {
    if (numbers.join() === this.numbers.join() && withErrors === this.withErrors) return;
    this.numbers = numbers;
    this.withErrors = withErrors;
    const fields = withErrors ? ["Y", "E"] : ["Y"];
    const names = numbers.flatMap((number) => fields.map((field) => this.name(number, field)));
    const before = this.endMembers;
    this.endMembers = this.store.watch(names, () => this.changed());
    before();
  }

  /**
   * The spectra that are drawn, with those values alone that have `bins` bins.
   *
   * @param {number} bins
   * @returns {Member[]}
   */
  members(bins) {
    const fitting = (/** @type {string} */ name) => {
      const array = this.store.array(name);
      return array && array.length === bins ? array : null;
    };
    return this.numbers.map((number) => ({
      number,
      name: this.memberName(number),
      y: fitting(this.name(number, "Y")),
      e: this.withErrors ? fitting(this.name(number, "E")) : null,
    }));
  }

  /** @param {number} number @returns {string} as the legend has it */
  memberName(number) {
    const word = FAMILIES[this.kind].word;
    if (this.kind !== "slices") return `${word} ${number}`;
    const [low, high] = ["Low_RBV", "High_RBV"].map((each) => this.store.array(`${this.red}Slices:${each}`)?.[number - 1]);
    const log = this.store.text(`${this.red}Filter:Log_RBV`);
    if (!log || low === undefined || high === undefined || !Number.isFinite(low)) return `${word} ${number}`;
    return `${log} ${figure(low)} to ${figure(high)}`;
  }

  /**
   * The ends of the rows of a map: of slices that follow each other the log, else numbers of rows.
   *
   * @param {Member[]} members
   * @returns {[number, number]}
   */
  rowRange(members) {
    return this.logRange(members) ?? [0.5, members.length + 0.5];
  }

  /** @param {Member[]} members @returns {[number, number] | null} the log from the first to the last slice */
  logRange(members) {
    if (this.kind !== "slices" || !members.length || !this.store.text(`${this.red}Filter:Log_RBV`)) return null;
    const [first, last] = [members[0].number, members[members.length - 1].number];
    const low = this.store.array(`${this.red}Slices:Low_RBV`)?.[first - 1] ?? NaN;
    const high = this.store.array(`${this.red}Slices:High_RBV`)?.[last - 1] ?? NaN;
    return last - first === members.length - 1 && high > low ? [low, high] : null;
  }

  /** @param {Member[]} members @returns {string} what the rows of a map are */
  axisName(members) {
    return this.logRange(members) ? this.store.text(`${this.red}Filter:Log_RBV`) : `row of ${FAMILIES[this.kind].word}`;
  }

  end() {
    this.endMembers();
    for (const each of this.ends) each();
  }
}

/**
 * Values to plot a family's numbers against: the middle of slices, or the number of groups and series.
 *
 * @param {PvStore} store
 * @param {string} red
 * @param {FamilyKind} kind
 * @param {number} count
 * @returns {{x: ArrayLike<number>, label: string}}
 */
export function familyAxis(store, red, kind, count) {
  const numbers = Float64Array.from({ length: count }, (_, index) => index + 1);
  if (kind !== "slices") return { x: numbers, label: FAMILIES[kind].word };
  const log = store.text(`${red}Filter:Log_RBV`);
  const middle = store.array(`${red}Slices:Middle_RBV`);
  if (!log || !middle || middle.length < count) return { x: numbers, label: FAMILIES[kind].word };
  const unit = unitSymbol(store.pv(`${red}Slices:Middle_RBV`).units);
  return { x: middle, label: unit ? `${log} / ${unit}` : log };
}
