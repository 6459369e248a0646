// Scales of axes: where a value stands on the screen, and where the ticks are.

import { clock, figure, grouped, superscript } from "../controls/numbers.js";

/** @typedef {"linear" | "log" | "time"} ScaleKind */
/** @typedef {[number, number]} Range */

export class Scale {
  /**
   * @param {ScaleKind} kind
   * @param {Range} range values at both ends; of a log scale above 0
   * @param {Range} pixels where these ends are on the screen
   */
  constructor(kind, range, pixels) {
    this.kind = kind;
    this.range = range;
    this.pixels = pixels;
    const [low, high] = kind === "log" ? [Math.log10(range[0]), Math.log10(range[1])] : range;
    this.low = low;
    this.factor = (pixels[1] - pixels[0]) / (high - low || 1);
  }

  /** @param {number} value @returns {number} pixels; a value that a log scale has not stands far below its end */
  at(value) {
    if (this.kind !== "log") return this.pixels[0] + (value - this.low) * this.factor;
    if (!(value > 0)) return value <= 0 ? this.pixels[0] - 1e4 * Math.sign(this.factor) : NaN;
    return this.pixels[0] + (Math.log10(value) - this.low) * this.factor;
  }

  /** @param {number} pixel @returns {number} value */
  valueAt(pixel) {
    const value = this.low + (pixel - this.pixels[0]) / this.factor;
    return this.kind === "log" ? 10 ** value : value;
  }

  /**
   * Ticks with their labels.
   *
   * @param {number} most how many there is room for
   * @returns {{value: number, label: string}[]}
   */
  ticks(most) {
    const [first, last] = this.range;
    /** @type {Range} */
    const rising = first <= last ? [first, last] : [last, first];
    if (this.kind === "log") return logTicks(rising, most);
    if (this.kind === "time") return timeTicks(rising, most);
    return linearTicks(rising, most);
  }
}

/** @param {Range} range @param {number} most */
function linearTicks([low, high], most) {
  const span = high - low;
  if (!(span > 0)) return [{ value: low, label: figure(low) }];
  const rough = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10) * power;
  const largest = Math.max(Math.abs(low), Math.abs(high));
  const ticks = [];
  // A power of ten that all labels share stands in each, so that a label alone is right.
  const exponent = largest >= 1e6 || largest < 1e-3 ? Math.floor(Math.log10(largest)) : 0;
  const decimals = Math.max(0, Math.min(15, Math.ceil(exponent - Math.log10(step) - 1e-9)));
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + 1e-9 * span; index += 1) {
    const value = index * step;
    ticks.push({ value, label: tickLabel(value, exponent, decimals) });
  }
  return ticks;
}

/** @param {number} value @param {number} exponent @param {number} decimals */
function tickLabel(value, exponent, decimals) {
  if (value === 0) return "0";
  if (!exponent && !decimals) return grouped(value);
  const text = (value / 10 ** exponent).toFixed(decimals).replace("-", "−");
  return exponent ? `${text}·10${superscript(exponent)}` : text;
}

/** @param {Range} range @param {number} most */
function logTicks([low, high], most) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  if (last - first < 1) {
    return linearTicks([low, high], most).filter(({ value }) => value > 0);
  }
  const each = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, most)));
  const ticks = [];
  for (let power = first; power <= last; power += each) {
    const plain = power >= -2 && power <= 3;
    ticks.push({ value: 10 ** power, label: plain ? String(10 ** power) : `10${superscript(power)}` });
  }
  return ticks;
}

const TIME_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];

/** @param {Range} range @param {number} most */
function timeTicks([low, high], most) {
  const rough = (high - low) / Math.max(1, most);
  const step = TIME_STEPS_S.find((each) => each >= rough) ?? 86400;
  const ticks = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
    const text = clock(value);
    ticks.push({ value, label: step < 60 ? text : text.slice(0, 5) });
  }
  return ticks;
}
