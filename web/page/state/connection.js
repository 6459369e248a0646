// The socket to the server: subscriptions, puts, and a watch over silence. It connects again by itself.

import { ArrayMissing, decodeFrame } from "./wire.js";

/** @typedef {import("./wire.js").Frame} Frame */
/** @typedef {"connecting" | "open" | "lost"} LinkState */
/** @typedef {{prefix: string, reductions: number, write: boolean, session: string, version: string, simulator: boolean, now?: number, units?: Record<string, {name: string, unit: string}>}} Hello */
/**
 * @typedef {object} Listener
 * @property {(hello: Hello) => void} hello
 * @property {(update: Record<string, any>) => void} update
 * @property {(frame: Frame) => void} frame
 * @property {(state: LinkState, why: string) => void} link
 * @property {(put: {session: string, pv: string, value: string, message: string}) => void} put somebody's put
 * @property {(message: string) => void} error
 */

/** Time between two questions whether the server is there; it echoes them. */
const PING_MS = 2000;
const SILENCE_MS = 7000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 4000;
/** Time between two updates of a PV while the page is not in sight, in seconds. */
const HIDDEN_PACE_S = 10;

/** How names of structures begin, and which arrays of a result or a picture are drawn. */
export const STRUCTURE = "pva://";
const DRAWN = ["XE", "Y", "E", "value"];

/** A put that was refused; its message is the IOC's. */
export class Refused extends Error {}

export class Connection {
  /**
   * @param {string} url of the socket
   * @param {Listener} listener
   */
  constructor(url, listener) {
    this.url = url;
    this.listener = listener;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {Set<string>} */
    this.names = new Set();
    /** Requests that wait for an answer: puts, and references to be kept. @type {Map<number, {resolve: (reference: string) => void, reject: (why: Error) => void}>} */
    this.requests = new Map();
    /** @type {Map<string, Map<string, import("./wire.js").Numbers>>} */
    this.lastArrays = new Map();
    this.lastRequest = 0;
    this.heardAt = 0;
    this.retryMs = FIRST_RETRY_MS;
    /** @type {Set<string>} */
    this.wanted = new Set();
    this.flushing = false;
    setInterval(() => this.watch(), PING_MS);
    document.addEventListener("visibilitychange", () => this.pace());
  }

  open() {
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.listener.link("connecting", "");
    socket.onopen = () => {
      this.heardAt = performance.now();
      this.lastArrays.clear();
      if (document.hidden) this.pace();
      this.subscribeNow([...this.names]);
      this.listener.link("open", "");
    };
    socket.onmessage = (event) => this.heard(event.data);
    socket.onclose = (event) => this.lost(socket, event.reason);
  }

  /** @param {WebSocket} socket @param {string} why */
  lost(socket, why) {
    if (socket !== this.socket) return;
    this.socket = null;
    for (const each of this.requests.values()) each.reject(new Refused("The connection was lost before an answer came."));
    this.requests.clear();
    this.listener.link("lost", why);
    setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(2 * this.retryMs, LONGEST_RETRY_MS);
  }

  /** Ask whether the server is there, and give up a socket that is silent. */
  watch() {
    const socket = this.socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.heardAt > SILENCE_MS) {
      socket.onclose = null;
      socket.close();
      this.lost(socket, "the server is silent");
    } else this.send({ type: "echo" });
  }

  /** Ask for fewer updates while nobody looks. */
  pace() {
    this.send({ type: "pace", seconds: document.hidden ? HIDDEN_PACE_S : 0 });
  }

  /** @param {string | ArrayBuffer} data */
  heard(data) {
    this.heardAt = performance.now();
    if (data instanceof ArrayBuffer) {
      this.heardFrame(data);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "updates") message.updates.forEach(this.listener.update);
    else if (message.type === "update") this.listener.update(message);
    else if (message.type === "written" || message.type === "kept") this.answered(message);
    else if (message.type === "hello") {
      this.retryMs = FIRST_RETRY_MS;
      this.listener.hello(message);
    } else if (message.type === "error") this.listener.error(String(message.message));
    else if (message.type === "put") this.listener.put(message);
  }

  /** @param {ArrayBuffer} data */
  heardFrame(data) {
    try {
      const frame = decodeFrame(data, (pv) => this.lastArrays.get(pv));
      this.lastArrays.set(frame.header.pv, frame.arrays);
      this.listener.frame(frame);
    } catch (error) {
      // It was on its way when the subscription was ended; a new subscription begins with all arrays.
      if (!(error instanceof ArrayMissing)) throw error;
    }
  }

  /** @param {{id: number, ok: boolean, reference?: string, message?: string}} answer */
  answered(answer) {
    const request = this.requests.get(answer.id);
    this.requests.delete(answer.id);
    if (answer.ok) request?.resolve(answer.reference ?? "");
    else request?.reject(new Refused(answer.message || "It was refused."));
  }

  /** @param {Iterable<string>} names full names of PVs */
  subscribe(names) {
    for (const name of names) {
      this.names.add(name);
      this.wanted.add(name);
    }
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      const pvs = [...this.wanted].filter((name) => this.names.has(name));
      this.wanted.clear();
      this.subscribeNow(pvs);
    });
  }

  /** @param {string[]} names */
  subscribeNow(names) {
    const structures = names.filter((name) => name.startsWith(STRUCTURE));
    const pvs = names.filter((name) => !name.startsWith(STRUCTURE));
    if (pvs.length) this.send({ type: "subscribe", pvs, binary: true });
    if (structures.length) this.send({ type: "subscribe", pvs: structures, binary: true, arrays: DRAWN });
  }

  /** @param {Iterable<string>} names full names of PVs */
  clear(names) {
    const pvs = [...names];
    for (const name of pvs) {
      this.names.delete(name);
      this.lastArrays.delete(name);
    }
    if (pvs.length) this.send({ type: "clear", pvs });
  }

  /**
   * Put a value; resolves once it is in force, rejects with `Refused`.
   *
   * @param {string} pv full name
   * @param {string | number} value
   * @returns {Promise<void>}
   */
  async write(pv, value) {
    await this.request({ type: "write", pv, value });
  }

  /**
   * Have a result kept as a reference; rejects with `Refused`.
   *
   * @param {string} pv full name of the snapshot
   * @param {number} result its number
   * @returns {Promise<string>} the id of the reference
   */
  keep(pv, result) {
    return this.request({ type: "keep", pv, result });
  }

  /** @param {object} message that is answered @returns {Promise<string>} */
  request(message) {
    if (this.socket?.readyState !== WebSocket.OPEN)
      return Promise.reject(new Refused("There is no connection to the server."));
    this.lastRequest += 1;
    const id = this.lastRequest;
    return new Promise((resolve, reject) => {
      this.requests.set(id, { resolve, reject });
      this.send({ ...message, id });
    });
  }

  /** @param {object} message */
  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
