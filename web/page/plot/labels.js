// Labels that are drawn on a plot.

import { colourOf } from "../controls/theme.js";

const LINE = 17;
const ROOM = 5;

/**
 * Draw lines of words on a ground of their own, right of a place, or left of it where there is no room.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {string[]} lines the first one is bold
 * @param {{x: number, y: number, from: number, left: number, right: number}} place x, y: the upper left corner;
 *   from: the upper right corner if it stands left; left, right: the ends of the room there is
 */
export function drawnLabel(context, lines, place) {
  const font = context.font;
  const bold = `600 ${font}`;
  context.textBaseline = "top";
  context.textAlign = "left";
  context.font = bold;
  let width = context.measureText(lines[0]).width;
  context.font = font;
  for (const each of lines.slice(1)) width = Math.max(width, context.measureText(each).width);
  width = Math.min(width + 2 * ROOM, place.right - place.left);
  let x = place.x;
  if (x + width > place.right) x = place.from - width >= place.left ? place.from - width : place.right - width;
  context.globalAlpha = 0.88;
  context.fillStyle = colourOf("plot");
  context.fillRect(x, place.y, width, LINE * lines.length + ROOM);
  context.globalAlpha = 1;
  context.fillStyle = colourOf("text");
  lines.forEach((each, index) => {
    context.font = index ? font : bold;
    context.fillText(each, x + ROOM, place.y + ROOM + LINE * index, width - 2 * ROOM);
  });
  context.font = font;
}
