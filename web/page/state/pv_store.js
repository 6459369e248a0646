// What the page knows of process variables (PVs), and who is to be told when one changes.

import { STRUCTURE } from "./connection.js";
import { base64Array } from "./wire.js";

/** @typedef {import("./connection.js").Connection} Connection */
/** @typedef {import("./wire.js").Numbers} Numbers */
/**
 * @typedef {object} Pv
 * @property {string} name without the prefix
 * @property {number | string | null} value a number, a text, or the index of a choice; null before the first update
 * @property {string} text the value as a person reads it, of choices and texts
 * @property {Map<string, Numbers>} arrays of a PV that is an array: `value`; of a structure: its arrays
 * @property {Record<string, any>} fields of a structure
 * @property {number} result of a result: the number by which the server knows it
 * @property {string} description
 * @property {string} units
 * @property {number} precision
 * @property {string[]} labels of a choice
 * @property {number | null} min least value that can be put, if there is one
 * @property {number | null} max
 * @property {string} severity NONE, MINOR, MAJOR, INVALID or UNDEFINED
 * @property {boolean} readonly
 * @property {boolean} connected
 * @property {number} seconds the time of its value, since 1970
 */

/** Ends of names of structures, which are on pvAccess: a result, a detector image, a map. */
const STRUCTURES = /:(Snapshot|Image:Image|Map:Image)$/;

/** @param {string} name @returns {Pv} */
function unknown(name) {
  return {
    name,
    value: null,
    text: "",
    arrays: new Map(),
    fields: {},
    result: -1,
    description: "",
    units: "",
    precision: 3,
    labels: [],
    min: null,
    max: null,
    severity: "UNDEFINED",
    readonly: true,
    connected: false,
    seconds: 0,
  };
}

export class PvStore {
  /** @param {Connection} connection */
  constructor(connection) {
    this.connection = connection;
    this.prefix = "";
    /** Whether the server takes puts of this page at all. */
    this.mayWrite = false;
    /** @type {Map<string, Pv>} */
    this.pvs = new Map();
    /** @type {Map<string, Set<() => void>>} */
    this.watchers = new Map();
    /** @type {Set<() => void>} */
    this.due = new Set();
    this.scheduled = false;
  }

  /**
   * The PV of a name without the prefix; with no value as long as none has come.
   *
   * @param {string} name
   * @returns {Pv}
   */
  pv(name) {
    let found = this.pvs.get(name);
    if (!found) {
      found = unknown(name);
      this.pvs.set(name, found);
    }
    return found;
  }

  /** @param {string} name @returns {number} its value, or NaN */
  number(name) {
    const { value, connected } = this.pv(name);
    return connected && typeof value === "number" ? value : NaN;
  }

  /** @param {string} name @returns {string} a text, or the label of a choice */
  text(name) {
    return this.pv(name).text;
  }

  /** @param {string} name @returns {Numbers | null} the array of a PV that is one */
  array(name) {
    return this.pv(name).arrays.get("value") ?? null;
  }

  /**
   * Call a function once for the changes of PVs, at most once a drawn frame; returns what ends it.
   *
   * @param {string[]} names without the prefix
   * @param {() => void} changed
   * @returns {() => void}
   */
  watch(names, changed) {
    const fresh = [];
    for (const name of new Set(names)) {
      const watchers = this.watchers.get(name);
      if (watchers) watchers.add(changed);
      else {
        this.watchers.set(name, new Set([changed]));
        fresh.push(name);
      }
    }
    this.connection.subscribe(fresh.map((name) => this.full(name)));
    this.later(changed);
    return () => this.unwatch(names, changed);
  }

  /** @param {string[]} names @param {() => void} changed */
  unwatch(names, changed) {
    const left = [];
    for (const name of new Set(names)) {
      const watchers = this.watchers.get(name);
      watchers?.delete(changed);
      if (watchers && watchers.size === 0) {
        this.watchers.delete(name);
        this.pvs.delete(name);
        left.push(name);
      }
    }
    this.connection.clear(left.map((name) => this.full(name)));
  }

  /** @param {string} name @param {string | number} value @returns {Promise<void>} */
  write(name, value) {
    return this.connection.write(this.full(name), value);
  }

  /** @param {string} name @returns {string} the full name; structures are on pvAccess */
  full(name) {
    return `${STRUCTURES.test(name) ? STRUCTURE : ""}${this.prefix}${name}`;
  }

  /** @param {string} full @returns {string} */
  short(full) {
    const name = full.replace(/^\w+:\/\//, "");
    return name.startsWith(this.prefix) ? name.slice(this.prefix.length) : name;
  }

  /** @param {Record<string, any>} update a message of the server */
  update(update) {
    const pv = this.pv(this.short(String(update.pv)));
    const array = base64Array(update);
    if (array) pv.arrays.set("value", array);
    for (const key of /** @type {const} */ (["units", "description"]))
      if (typeof update[key] === "string") pv[key] = update[key];
    if (Array.isArray(update.labels)) pv.labels = update.labels.map(String);
    for (const key of /** @type {const} */ (["min", "max"]))
      if (key in update) pv[key] = Number.isFinite(update[key]) ? update[key] : null;
    if (typeof update.precision === "number") pv.precision = update.precision;
    if (typeof update.readonly === "boolean") pv.readonly = update.readonly;
    if (typeof update.severity === "string") pv.severity = update.severity;
    if (typeof update.seconds === "number") pv.seconds = update.seconds + (update.nanos ?? 0) / 1e9;
    if ("value" in update) pv.value = valueOf(update.value);
    if (typeof update.text === "string") {
      pv.text = update.text;
      if (!("value" in update)) pv.value = update.text;
    } else if (typeof pv.value === "string") pv.text = pv.value;
    pv.connected = update.connected !== false;
    this.changed(pv.name);
  }

  /** @param {import("./wire.js").Frame} frame */
  frame({ header, arrays }) {
    const pv = this.pv(this.short(header.pv));
    pv.arrays = arrays;
    pv.fields = header.fields ?? {};
    pv.result = header.result ?? -1;
    if (typeof pv.fields.units === "string") pv.units = pv.fields.units;
    pv.severity = header.severity ?? "NONE";
    pv.seconds = (header.seconds ?? 0) + (header.nanos ?? 0) / 1e9;
    pv.connected = true;
    this.changed(pv.name);
  }

  /** All values are unknown, since the server does not answer. */
  disconnect() {
    for (const pv of this.pvs.values()) {
      pv.connected = false;
      this.changed(pv.name);
    }
  }

  /** @param {string} name */
  changed(name) {
    for (const each of this.watchers.get(name) ?? []) this.later(each);
  }

  /**
   * Call a function before the next frame is drawn, once.
   *
   * @param {() => void} what
   */
  later(what) {
    this.due.add(what);
    if (this.scheduled) return;
    this.scheduled = true;
    const run = () => {
      this.scheduled = false;
      const due = [...this.due];
      this.due.clear();
      for (const each of due) each();
    };
    if (document.hidden) setTimeout(run, 200);
    else requestAnimationFrame(run);
  }
}

/** @param {unknown} value @returns {number | string | null} NaN and infinities come as text, since JSON has none */
function valueOf(value) {
  if (value === "NaN") return NaN;
  if (value === "Infinity") return Infinity;
  if (value === "-Infinity") return -Infinity;
  if (typeof value === "number" || typeof value === "string") return value;
  return value === null ? NaN : null;
}
