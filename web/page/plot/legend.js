// The legend of a plot: each curve's line as it is drawn, and its name.

import { h, svg } from "../controls/elements.js";
import { drawMarker } from "./curves.js";
import { colourOf } from "../controls/theme.js";

/** @typedef {import("./curves.js").Curve} Curve */

const WIDTH = 38;
const HEIGHT = 14;

/**
 * Show the curves in a list.
 *
 * @param {HTMLElement} list
 * @param {Curve[]} curves
 */
export function showLegend(list, curves) {
  const key = curves.map((each) => [each.name, each.colour, each.dash, each.marker].join()).join("\n");
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...curves.map((curve) => h("li", {}, sample(curve), h("span", {}, curve.name))));
}

/** @param {Curve} curve */
function sample(curve) {
  const line = svg("line", {
    x1: 1,
    x2: WIDTH - 1,
    y1: HEIGHT / 2,
    y2: HEIGHT / 2,
    stroke: `var(--${curve.colour})`,
    "stroke-width": 2,
    "stroke-dasharray": curve.dash.join(" "),
  });
  const drawing = svg("svg", { width: WIDTH, height: HEIGHT, "aria-hidden": "true" }, line);
  if (curve.marker < 0) return drawing;
  const canvas = h("canvas", { width: 2 * WIDTH, height: 2 * HEIGHT, class: "sample", "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  if (context) {
    context.scale(2, 2);
    context.strokeStyle = context.fillStyle = colourOf(curve.colour);
    context.lineWidth = 2;
    context.setLineDash(curve.dash);
    context.beginPath();
    context.moveTo(1, HEIGHT / 2);
    context.lineTo(WIDTH - 1, HEIGHT / 2);
    context.stroke();
    context.setLineDash([]);
    context.lineWidth = 1.4;
    drawMarker(context, curve.marker, WIDTH / 2, HEIGHT / 2, 4);
  }
  return canvas;
}
