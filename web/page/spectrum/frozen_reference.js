// The frozen reference of the spectrum. The server keeps it, and the address holds its id, so that a link shows it.

import { moment } from "../controls/numbers.js";
import { pulsesOf } from "../state/page.js";
import { decodeFrame } from "../state/wire.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {import("../plot/reference.js").Reference} Reference */
/** @typedef {import("../state/wire.js").Numbers} Numbers */

const NOT_FOUND = 404;

export class FrozenReference {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /** @type {Reference | null} */
    this.current = null;
    /** What is to be said of it besides its name, such as that links do not have it. */
    this.words = "";
    /** The id under which the server keeps it; empty: it does not, or not yet. */
    this.id = "";
  }

  /** Show what the address names, from now on. */
  start() {
    this.page.view.follow(() => this.followView());
    this.followView();
  }

  followView() {
    const { frozen } = this.page.view.state;
    if (frozen === this.id) return;
    this.id = frozen;
    this.become(null, "");
    if (frozen) void this.load(frozen);
  }

  /** The server has been found again: it may be another one, which keeps nothing. */
  checkKept() {
    if (this.id) void this.load(this.id);
  }

  /** Freeze the present result, or drop the reference there is. */
  async toggle() {
    const { page } = this;
    const made = this.current ? null : ofResult(page);
    this.forgetId();
    this.become(made, "");
    if (!made) return;
    try {
      const id = await page.store.connection.keep(page.store.full(`${page.red}Snapshot`), page.snapshot().result);
      if (this.current !== made) return;
      this.id = id;
      page.view.set({ frozen: id });
    } catch (why) {
      if (this.current === made) this.become(made, `A link does not have this reference: ${wordsOf(why)}`);
    }
  }

  forgetId() {
    this.id = "";
    this.page.view.set({ frozen: "" });
  }

  /** @param {string} id of the reference to show */
  async load(id) {
    let [found, forgotten, words] = [/** @type {Reference | null} */ (null), false, ""];
    try {
      const answer = await fetch(`reference/${id}`);
      if (answer.ok) found = ofFrame(await answer.arrayBuffer());
      else if (answer.status === NOT_FOUND) forgotten = true;
      else words = `The reference of this link cannot be had: ${await answer.text()}`;
    } catch (why) {
      words = `The reference of this link cannot be had: ${wordsOf(why)}`;
    }
    if (this.id !== id) return;
    if (found || !this.current) this.become(found, forgotten ? "The server has forgotten the reference of this link." : words);
    else if (forgotten) {
      this.forgetId();
      this.become(this.current, "The server has forgotten this reference: a link does not have it.");
    }
  }

  /** @param {Reference | null} reference @param {string} words */
  become(reference, words) {
    if (reference === this.current && words === this.words) return;
    this.current = reference;
    this.words = words;
    this.page.view.tell();
  }

  /** @returns {string} as the legend has it */
  get name() {
    const { current, page } = this;
    if (!current) return "";
    const of = current.red === page.red ? "" : ` of reduction ${current.red.replace(/\D/g, "")}`;
    return `reference${of} of ${moment(current.time)}, pulses ${current.pulses}`;
  }
}

/** @param {unknown} why */
function wordsOf(why) {
  return why instanceof Error ? why.message : String(why);
}

/** @param {Page} page @returns {Reference | null} the result that is shown, as a reference */
function ofResult(page) {
  const { arrays, fields, seconds } = page.snapshot();
  return referenceOf(page.red, arrays, fields, seconds);
}

/** @param {ArrayBuffer} buffer @returns {Reference | null} */
function ofFrame(buffer) {
  const { header, arrays } = decodeFrame(buffer, () => undefined);
  const red = header.pv.match(/Red\d+:/g)?.pop() ?? "";
  return referenceOf(red, arrays, header.fields ?? {}, (header.seconds ?? 0) + (header.nanos ?? 0) / 1e9);
}

/**
 * @param {string} red prefix of the reduction
 * @param {Map<string, Numbers>} arrays
 * @param {Record<string, any>} fields of the snapshot
 * @param {number} time
 * @returns {Reference | null} null if there is no result
 */
function referenceOf(red, arrays, fields, time) {
  const [edges, y, e] = ["XE", "Y", "E"].map((each) => arrays.get(each));
  if (!edges || !y || !e || !y.length || edges.length !== y.length + 1) return null;
  return { red, unit: settingOf(fields, `${red}Units`), edges, y, e, time, pulses: pulsesOf(fields) };
}

/** @param {Record<string, any>} fields @param {string} name of a PV, without prefix @returns {string} the setting that the result obeys */
function settingOf(fields, name) {
  const names = /** @type {string[]} */ (fields["parameters.name"] ?? []);
  return fields["parameters.value"]?.[names.findIndex((each) => each.endsWith(name))] ?? "";
}
