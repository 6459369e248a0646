// The cursor of the spectrum: a line on the plot, and in words the value ± error that it is at.

import { intervalOf } from "./curves.js";
import { setText } from "../controls/elements.js";
import { figure, withError } from "../controls/numbers.js";
import { colourOf } from "../controls/theme.js";

/** @typedef {import("./plot.js").Plot} Plot */
/** @typedef {import("./curves.js").Values} Values */

/** Most curves whose values are told. */
const MOST_VALUES = 4;

/**
 * What the cursor can ask of the spectrum.
 *
 * @typedef {object} CursorSource
 * @property {() => Values | null} edges of the bins that are drawn
 * @property {() => {name: string, unit: string}} axis
 * @property {(height: number, bin: number) => string} mapValue what a map has there, in words
 * @property {() => string} rest what is said while the cursor is nowhere
 */

export class Cursor {
  /** @param {Plot} plot @param {HTMLElement} readout @param {CursorSource} source */
  constructor(plot, readout, source) {
    this.plot = plot;
    this.readout = readout;
    this.source = source;
    /** @type {number | null} a value of the axis; null: nowhere */
    this.at = null;
    this.height = 0;
    plot.overlays.push((context, scales, box) => this.draw(context, scales.x, box));
  }

  /** @param {number | null} at @param {number} height */
  move(at, height) {
    this.at = at;
    this.height = height;
    this.readout.setAttribute("aria-live", "off");
    this.plot.overChanged();
    this.read();
  }

  /** Move by bins; from nowhere to the middle of the plot. @param {number} bins */
  step(bins) {
    const edges = this.source.edges();
    if (!edges) return;
    const [low, high] = this.plot.scales.x.range;
    const present = intervalOf(edges, this.at ?? (low + high) / 2);
    const bin = Math.max(0, Math.min(edges.length - 2, present + (this.at === null ? 0 : bins)));
    this.move((edges[bin] + edges[bin + 1]) / 2, this.height);
    this.readout.setAttribute("aria-live", "polite");
  }

  /** Say in words what is at the cursor. */
  read() {
    const edges = this.source.edges();
    const bin = edges && this.at !== null ? intervalOf(edges, this.at) : -1;
    if (!edges || this.at === null || bin < 0 || bin > edges.length - 2) {
      setText(this.readout, this.source.rest());
      return;
    }
    const { name, unit } = this.source.axis();
    const ends = `bin ${figure(edges[bin], 6)} to ${figure(edges[bin + 1], 6)}`;
    setText(this.readout, `${name} ${figure(this.at, 5)} ${unit}, ${ends}:  ${this.values(bin)}`);
  }

  /** @param {number} bin */
  values(bin) {
    if (this.plot.picture) return this.source.mapValue(this.height, bin);
    const { curves, look } = this.plot;
    const words = curves.slice(0, MOST_VALUES).map(({ name, y, e, scale }) => {
      const value = withError(y[bin] * scale, e ? e[bin] * scale : NaN);
      return curves.length > 1 ? `${name} ${value}` : value;
    });
    return `${words.join(";  ")} ${look.labelY}`;
  }

  /** @param {CanvasRenderingContext2D} context @param {import("./scales.js").Scale} scale @param {import("./plot.js").Box} box */
  draw(context, scale, box) {
    if (this.at === null) return;
    const x = Math.round(scale.at(this.at)) + 0.5;
    if (x < box.left || x > box.right) return;
    context.strokeStyle = colourOf("soft");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, box.top);
    context.lineTo(x, box.bottom);
    context.stroke();
  }
}
