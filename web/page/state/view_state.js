// What the page shows, kept in the part of the address behind #: a link shows what I see.

/** @typedef {import("../plot/scales.js").Range} Range */
/**
 * @typedef {object} ViewState
 * @property {string} tab
 * @property {number} reduction
 * @property {"total" | "slices" | "groups" | "series"} spectra which spectra are drawn
 * @property {"overlaid" | "offset" | "map"} as how several are drawn
 * @property {string} pick numbers of those drawn, as 1-5,9; empty: the first ones
 * @property {boolean} log
 * @property {"none" | "band" | "bars"} errors
 * @property {Range | null} x
 * @property {string} unit that x is in
 * @property {Range | null} y
 * @property {boolean} difference
 * @property {"same" | "area"} reference how the reference is scaled
 * @property {string} frozen the id of the reference, under which the server keeps it; empty: none
 * @property {string} fit the peak or region of the tab of fits
 * @property {string} quantity of it
 * @property {"slices" | "groups" | "series"} against
 * @property {Range | null} fitX what the tab of fits shows of both axes
 * @property {Range | null} fitY
 * @property {Range | null} imageX what the detector image shows of both axes, the lower end first
 * @property {Range | null} imageY
 * @property {boolean} imageClip whether the brightest and darkest cells of the detector image are left out of the colours
 * @property {string} eye from where the instrument is seen: azimuth, height, zoom, x and y of `Eye`; empty: the usual one
 * @property {boolean} mapClip
 * @property {Range | null} mapX what the map shows of both axes
 * @property {Range | null} mapY
 * @property {string} strips names of the PVs on the tab of the history, by commas; empty: the usual ones
 * @property {Range | null} past what the history shows, in seconds since 1970; null: the last hour
 * @property {Range | null} past1 the upright axis of each strip of the history
 * @property {Range | null} past2
 * @property {Range | null} past3
 * @property {string} groups the groups of settings that are open, by commas
 */

/** @typedef {"x" | "y" | "fitX" | "fitY" | "imageX" | "imageY" | "mapX" | "mapY" | "past" | "past1" | "past2" | "past3"} RangeKey */

/** @type {ViewState} */
const DEFAULT = {
  tab: "spectrum",
  reduction: 1,
  spectra: "total",
  as: "overlaid",
  pick: "",
  log: false,
  errors: "band",
  x: null,
  unit: "",
  y: null,
  difference: true,
  reference: "area",
  frozen: "",
  fit: "Peak1",
  quantity: "Centre",
  against: "slices",
  fitX: null,
  fitY: null,
  imageX: null,
  imageY: null,
  imageClip: false,
  eye: "",
  mapClip: false,
  mapX: null,
  mapY: null,
  strips: "",
  past: null,
  past1: null,
  past2: null,
  past3: null,
  groups: "acquisition,bins,windows",
};

/** The ranges that each tab shows. */
/** @type {Record<string, RangeKey[]>} */
const RANGES_OF_TAB = {
  spectrum: ["x", "y"],
  image: ["imageX", "imageY"],
  map: ["mapX", "mapY"],
  fits: ["fitX", "fitY"],
  history: ["past", "past1", "past2", "past3"],
};

/** Each range, and how many digits of its ends an address has. */
/** @type {Record<RangeKey, number>} */
const RANGE_DIGITS = { x: 7, y: 7, fitX: 7, fitY: 7, imageX: 7, imageY: 7, mapX: 7, mapY: 7, past: 12, past1: 7, past2: 7, past3: 7 };

const WRITE_MS = 300;
const LONGEST_TEXT = 200;
/** Ids of references. */
const ID = /^[0-9a-f]{16}$/;

/** @type {Partial<Record<keyof ViewState, string[]>>} */
const CHOICES = {
  spectra: ["total", "slices", "groups", "series"],
  as: ["overlaid", "offset", "map"],
  errors: ["none", "band", "bars"],
  reference: ["same", "area"],
  against: ["slices", "groups", "series"],
};

/**
 * The view that an address names; what it does not name, or names wrongly, is as usual.
 *
 * @param {string} fragment with or without #
 * @returns {ViewState}
 */
export function viewOf(fragment) {
  const view = { ...DEFAULT };
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  for (const key of /** @type {(keyof ViewState)[]} */ (Object.keys(DEFAULT))) {
    const text = given.get(key);
    if (text === null) continue;
    const value = parsed(key, text);
    if (value !== undefined) Object.assign(view, { [key]: value });
  }
  return view;
}

/** @param {keyof ViewState} key @param {string} text */
function parsed(key, text) {
  if (key in RANGE_DIGITS) {
    const [low, high] = text.split("~").map(Number);
    return Number.isFinite(low) && high > low && Number.isFinite(high) ? [low, high] : undefined;
  }
  if (typeof DEFAULT[key] === "boolean") return text === "1";
  if (key === "frozen") return ID.test(text) ? text : undefined;
  if (key === "reduction") return Number.isInteger(Number(text)) && Number(text) > 0 ? Number(text) : undefined;
  const choices = CHOICES[key];
  return choices && !choices.includes(text) ? undefined : text.slice(0, LONGEST_TEXT);
}

/**
 * The part of the address behind # that names a view.
 *
 * @param {ViewState} view
 */
export function fragmentOf(view) {
  const given = new URLSearchParams();
  for (const key of /** @type {(keyof ViewState)[]} */ (Object.keys(DEFAULT))) {
    const value = view[key];
    if (value === DEFAULT[key] || value === null) continue;
    if (Array.isArray(value)) {
      const digits = RANGE_DIGITS[/** @type {RangeKey} */ (key)];
      given.set(key, value.map((each) => Number(each.toPrecision(digits))).join("~"));
    }
    else if (typeof value === "boolean") given.set(key, value ? "1" : "0");
    else given.set(key, String(value));
  }
  return given.toString();
}


/** The view, and who is to be told when it changes. */
export class View {
  constructor() {
    /** @type {ViewState} */
    this.state = viewOf(location.hash);
    /** @type {(() => void)[]} */
    this.followers = [];
    this.timer = 0;
    window.addEventListener("hashchange", () => {
      this.state = viewOf(location.hash);
      this.tell();
    });
  }

  /** @param {Partial<ViewState>} change */
  set(change) {
    Object.assign(this.state, change);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), WRITE_MS);
    this.tell();
  }

  /** Show all that there is on the tab that is shown. */
  showAll() {
    const ranges = RANGES_OF_TAB[this.state.tab] ?? [];
    const eye = this.state.tab === "instrument" ? { eye: "" } : {};
    this.set({ ...Object.fromEntries(ranges.map((each) => [each, null])), ...eye });
  }

  write() {
    const fragment = fragmentOf(this.state);
    history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname);
  }

  tell() {
    for (const each of this.followers) each();
  }

  /** @param {() => void} changed */
  follow(changed) {
    this.followers.push(changed);
  }
}

/**
 * The numbers that a text such as 1-5,9 picks, out of 1 to `count`, at most `most` of them.
 *
 * @param {string} text empty: all
 * @param {number} count
 * @param {number} most
 * @returns {number[]}
 */
export function picked(text, count, most) {
  const found = new Set();
  for (const part of text.split(",")) {
    const match = part.trim().match(/^(\d+)(?:\s*-\s*(\d+))?$/);
    if (!match) continue;
    const [from, to] = [Number(match[1]), Math.min(Number(match[2] ?? match[1]), count)];
    for (let number = Math.max(1, from); number <= to && found.size < most; number += 1) found.add(number);
  }
  if (found.size) return [...found].sort((one, other) => one - other);
  return Array.from({ length: Math.min(count, most) }, (_, index) => index + 1);
}
