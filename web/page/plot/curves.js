// Draws curves as the screen can show them: where there are more bins than pixels, the extremes of each column.

/** @typedef {import("./scales.js").Scale} Scale */
/** @typedef {ArrayLike<number>} Values */
/**
 * A curve to draw.
 *
 * @typedef {object} Curve
 * @property {string} name
 * @property {"steps" | "line" | "points"} kind of steps, `x` has the edges, one more than values
 * @property {Values} x ascending
 * @property {Values} y
 * @property {Values | null} e standard errors of y
 * @property {string} colour name of a colour of the theme
 * @property {number[]} dash
 * @property {number} marker index of a marker; -1: none
 * @property {number} shift added to y, for curves that stand above each other
 * @property {number} scale y and e are multiplied by it
 */
/** @typedef {{first: number, last: number}} Span indices of values, `last` included */
/** @typedef {{low: Float64Array, high: Float64Array}} Columns extremes in each column of pixels; NaN: nothing there */

/**
 * Index of the interval of ascending values that holds a value: -1 below the first, size - 1 at or above the last.
 *
 * @param {Values} values
 * @param {number} value
 */
export function intervalOf(values, value) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * The values that a range shows in part.
 *
 * @param {Curve} curve
 * @param {[number, number]} range
 * @returns {Span | null} null if there is none
 */
export function visible(curve, [low, high]) {
  const count = curve.y.length;
  const first = Math.max(0, intervalOf(curve.x, low) - (curve.kind === "line" ? 1 : 0));
  const last = Math.min(count - 1, intervalOf(curve.x, high) + (curve.kind === "line" ? 1 : 0));
  return first <= last ? { first, last } : null;
}

/**
 * Least and largest value in a range, with errors if they are drawn.
 *
 * @param {Curve} curve
 * @param {[number, number]} range
 * @param {{positive: boolean, errors: boolean}} of positive: only values above 0
 * @returns {[number, number] | null}
 */
export function extent(curve, range, { positive, errors }) {
  const span = visible(curve, range);
  if (!span) return null;
  let [low, high] = [Infinity, -Infinity];
  const { y, e, shift, scale } = curve;
  for (let index = span.first; index <= span.last; index += 1) {
    const value = y[index] * scale + shift;
    const error = errors && e ? e[index] * scale : 0;
    const [least, most] = error > 0 ? [value - error, value + error] : [value, value];
    if (most > high) high = most;
    if (least < low && (!positive || least > 0)) low = least;
    else if (positive && value > 0 && value < low) low = value;
  }
  return high >= low ? [low, high] : null;
}

/**
 * The extremes of a curve of steps in each column of pixels.
 *
 * @param {Curve} curve
 * @param {Span} span
 * @param {Scale} scaleX
 * @param {(index: number) => number} least of a value
 * @param {(index: number) => number} most
 * @returns {Columns}
 */
function columns(curve, span, scaleX, least, most) {
  const left = Math.floor(Math.min(...scaleX.pixels));
  const width = Math.ceil(Math.max(...scaleX.pixels)) - left;
  const low = new Float64Array(width).fill(NaN);
  const high = new Float64Array(width).fill(NaN);
  const edges = curve.kind === "steps";
  for (let index = span.first; index <= span.last; index += 1) {
    const down = least(index);
    const up = most(index);
    if (Number.isNaN(up)) continue;
    const from = Math.max(0, Math.floor(scaleX.at(curve.x[index])) - left);
    const to = edges ? Math.min(width - 1, Math.floor(scaleX.at(curve.x[index + 1])) - left) : from;
    for (let column = from; column <= to && column < width; column += 1) {
      if (!(low[column] <= down)) low[column] = down;
      if (!(high[column] >= up)) high[column] = up;
    }
  }
  return { low, high };
}

/**
 * Draw a curve, and its errors below it.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Curve} curve
 * @param {{x: Scale, y: Scale}} scales
 * @param {{colour: string, errors: "none" | "band" | "bars", width: number}} look
 */
export function drawCurve(context, curve, scales, look) {
  const span = visible(curve, scales.x.range);
  if (!span) return;
  const pixels = Math.abs(scales.x.pixels[1] - scales.x.pixels[0]);
  const perValue = pixels / (span.last - span.first + 1);
  context.strokeStyle = look.colour;
  context.fillStyle = look.colour;
  context.lineJoin = "bevel";
  if (look.errors !== "none" && curve.e) {
    const bars = curve.kind === "points" || (look.errors === "bars" && perValue >= 3);
    if (bars) errorBars(context, curve, span, scales);
    else errorBand(context, curve, span, scales, perValue < 1);
  }
  context.setLineDash(curve.dash);
  context.lineWidth = look.width;
  context.beginPath();
  if (curve.kind !== "points") {
    if (perValue < 1) columnPath(context, curve, span, scales);
    else if (curve.kind === "steps") stepPath(context, curve, span, scales, (index) => curve.y[index]);
    else linePath(context, curve, span, scales);
    context.stroke();
  }
  context.setLineDash([]);
  if (curve.marker >= 0) markers(context, curve, span, scales);
}

/** @param {CanvasRenderingContext2D} context @param {Curve} curve @param {Span} span @param {{x: Scale, y: Scale}} scales */
function columnPath(context, curve, span, scales) {
  const value = (/** @type {number} */ index) => curve.y[index];
  const { low, high } = columns(curve, span, scales.x, value, value);
  const left = Math.floor(Math.min(...scales.x.pixels)) + 0.5;
  const y = placer(curve, scales.y);
  let drawing = false;
  let last = 0;
  for (let column = 0; column < low.length; column += 1) {
    if (Number.isNaN(high[column])) {
      drawing = false;
      continue;
    }
    const [down, up] = [y(low[column]), y(high[column])];
    // The nearer end first, so that the line between two columns is short.
    const [near, far] = Math.abs(down - last) <= Math.abs(up - last) ? [down, up] : [up, down];
    if (drawing) context.lineTo(left + column, near);
    else context.moveTo(left + column, near);
    if (Math.abs(far - near) > 0.5) context.lineTo(left + column, far);
    last = far;
    drawing = true;
  }
}

/** @param {CanvasRenderingContext2D} context @param {Curve} curve @param {Span} span @param {{x: Scale, y: Scale}} scales @param {(index: number) => number} value */
function stepPath(context, curve, span, scales, value) {
  const y = placer(curve, scales.y);
  let drawing = false;
  for (let index = span.first; index <= span.last; index += 1) {
    const height = y(value(index));
    if (Number.isNaN(height)) {
      drawing = false;
      continue;
    }
    const [from, to] = [scales.x.at(curve.x[index]), scales.x.at(curve.x[index + 1])];
    if (drawing) context.lineTo(from, height);
    else context.moveTo(from, height);
    context.lineTo(to, height);
    drawing = true;
  }
}

/** @param {CanvasRenderingContext2D} context @param {Curve} curve @param {Span} span @param {{x: Scale, y: Scale}} scales */
function linePath(context, curve, span, scales) {
  const y = placer(curve, scales.y);
  let drawing = false;
  for (let index = span.first; index <= span.last; index += 1) {
    const height = y(curve.y[index]);
    if (Number.isNaN(height)) drawing = false;
    else {
      if (drawing) context.lineTo(scales.x.at(curve.x[index]), height);
      else context.moveTo(scales.x.at(curve.x[index]), height);
      drawing = true;
    }
  }
}

/** @param {CanvasRenderingContext2D} context @param {Curve} curve @param {Span} span @param {{x: Scale, y: Scale}} scales @param {boolean} dense */
function errorBand(context, curve, span, scales, dense) {
  const { y, e } = curve;
  if (!e) return;
  context.globalAlpha = 0.28;
  context.beginPath();
  const place = placer(curve, scales.y);
  const below = (/** @type {number} */ index) => y[index] - (e[index] > 0 ? e[index] : 0);
  const above = (/** @type {number} */ index) => y[index] + (e[index] > 0 ? e[index] : 0);
  if (dense) {
    const { low, high } = columns(curve, span, scales.x, below, above);
    const left = Math.floor(Math.min(...scales.x.pixels));
    for (let column = 0; column < low.length; column += 1) {
      if (Number.isNaN(high[column])) continue;
      const top = place(high[column]);
      context.rect(left + column, top, 1, place(low[column]) - top);
    }
  } else {
    for (let index = span.first; index <= span.last; index += 1) {
      if (Number.isNaN(y[index])) continue;
      const top = place(above(index));
      const steps = curve.kind === "steps";
      const from = scales.x.at(curve.x[index]);
      const to = steps || index < span.last ? scales.x.at(curve.x[index + 1]) : from;
      context.rect(from, top, to - from, place(below(index)) - top);
    }
  }
  context.fill();
  context.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} context @param {Curve} curve @param {Span} span @param {{x: Scale, y: Scale}} scales */
function errorBars(context, curve, span, scales) {
  const { y, e } = curve;
  if (!e) return;
  const place = placer(curve, scales.y);
  context.lineWidth = 1;
  context.beginPath();
  for (let index = span.first; index <= span.last; index += 1) {
    if (Number.isNaN(y[index]) || !(e[index] > 0)) continue;
    const x = Math.round(centre(curve, index, scales.x)) + 0.5;
    context.moveTo(x, place(y[index] - e[index]));
    context.lineTo(x, place(y[index] + e[index]));
  }
  context.stroke();
}

/** Markers that are told apart without colour; an odd index is drawn as a line. */
const MARKERS = 6;
const MARKER_GAP = 46;

/** @param {CanvasRenderingContext2D} context @param {Curve} curve @param {Span} span @param {{x: Scale, y: Scale}} scales */
function markers(context, curve, span, scales) {
  const y = placer(curve, scales.y);
  let free = -Infinity;
  context.lineWidth = 1.4;
  for (let index = span.first; index <= span.last; index += 1) {
    const [x, height] = [centre(curve, index, scales.x), y(curve.y[index])];
    if (Number.isNaN(height) || (curve.kind !== "points" && x < free)) continue;
    free = x + MARKER_GAP + 9 * (curve.marker % MARKERS);
    drawMarker(context, curve.marker, x, height, 4);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} marker
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
export function drawMarker(context, marker, x, y, size) {
  context.beginPath();
  const shape = marker % MARKERS;
  if (shape === 0) context.arc(x, y, size, 0, 2 * Math.PI);
  else if (shape === 1) context.rect(x - size, y - size, 2 * size, 2 * size);
  else if (shape === 4) {
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x - size, y + size);
    context.lineTo(x + size, y - size);
  } else {
    const corners = shape === 5 ? 4 : 3;
    for (let corner = 0; corner < corners; corner += 1) {
      const angle = (2 * Math.PI * corner) / corners + (shape === 3 ? Math.PI / 2 : -Math.PI / 2);
      context.lineTo(x + 1.25 * size * Math.cos(angle), y + 1.25 * size * Math.sin(angle));
    }
    context.closePath();
  }
  if (shape % 2 === 0 && shape !== 4) context.fill();
  else context.stroke();
}

/** @param {Curve} curve @param {number} index @param {Scale} scaleX @returns {number} pixels */
function centre(curve, index, scaleX) {
  if (curve.kind !== "steps") return scaleX.at(curve.x[index]);
  return (scaleX.at(curve.x[index]) + scaleX.at(curve.x[index + 1])) / 2;
}

/** @param {Curve} curve @param {Scale} scaleY @returns {(value: number) => number} pixels, near the plot at most */
function placer(curve, scaleY) {
  const [low, high] = [Math.min(...scaleY.pixels) - 20, Math.max(...scaleY.pixels) + 20];
  return (value) => {
    const at = scaleY.at(value * curve.scale + curve.shift);
    return at < low ? low : at > high ? high : at;
  };
}
