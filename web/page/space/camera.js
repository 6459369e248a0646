// From where an instrument is seen, and where its places are on the screen then.

/**
 * @typedef {object} Eye
 * @property {number} azimuth angle of the eye around the vertical axis, in degrees; 0: downstream, looking at the sample
 * @property {number} height angle of the eye above the horizontal plane, in degrees
 * @property {number} zoom 1: all is seen
 * @property {number} x how far the middle is right of the middle of the screen, as a share of its shorter side
 * @property {number} y how far it is below
 */
/**
 * Directions are three numbers each: to the right, up, and away from the eye.
 *
 * @typedef {object} Camera
 * @property {number[]} middle what the eye turns about
 * @property {number[]} right
 * @property {number[]} up
 * @property {number[]} away
 * @property {number} distance of the eye from the middle
 * @property {number} focal pixels for an angle of 45°
 * @property {number} x pixel of the middle
 * @property {number} y
 */

/**
 * Where all that is seen is, with the sample, in m.
 *
 * @typedef {object} Bounds
 * @property {number[]} middle
 * @property {number} radius of the sphere about the middle that holds all
 * @property {number} wide radius of the upright cylinder about the middle that holds all
 * @property {number} tall half the height of that cylinder
 */

/** @type {Eye} */
export const USUAL_EYE = { azimuth: -55, height: 25, zoom: 1, x: 0, y: 0 };

/** Distance of the eye, in radii of what is seen: no place is beside or behind it. */
const DISTANCE = 3;
/** Share of the screen that is filled. */
const FILLED = 0.94;
const ZOOMS = { least: 0.3, most: 300 };
const HIGHEST = 89;
const FARTHEST = 200;

/** @param {Eye} eye @returns {Eye} with all numbers within their limits */
export function limitedEye({ azimuth, height, zoom, x, y }) {
  const within = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.max(low, Math.min(high, value));
  return {
    azimuth: ((((azimuth + 180) % 360) + 360) % 360) - 180,
    height: within(height, -HIGHEST, HIGHEST),
    zoom: within(zoom, ZOOMS.least, ZOOMS.most),
    x: within(x, -FARTHEST, FARTHEST),
    y: within(y, -FARTHEST, FARTHEST),
  };
}

/** @param {Eye} eye @returns {string} as the address has it; empty for the usual one */
export function eyeText(eye) {
  const text = [eye.azimuth.toFixed(1), eye.height.toFixed(1), eye.zoom.toPrecision(4), eye.x.toFixed(3), eye.y.toFixed(3)].map(Number).join("~");
  return text === Object.values(USUAL_EYE).join("~") ? "" : text;
}

/** @param {string} text as the address has it @returns {Eye} the usual one if it is none */
export function eyeOf(text) {
  const numbers = text.split("~").map(Number);
  if (!text || numbers.length !== 5 || !numbers.every(Number.isFinite)) return USUAL_EYE;
  const [azimuth, height, zoom, x, y] = numbers;
  return limitedEye({ azimuth, height, zoom, x, y });
}

/**
 * The camera of an eye for a screen of this size.
 *
 * @param {Eye} eye
 * @param {Bounds} seen
 * @param {{width: number, height: number}} screen in pixels
 * @returns {Camera}
 */
export function cameraOf(eye, { middle, radius, wide, tall }, { width, height }) {
  const [azimuth, above] = [eye.azimuth, eye.height].map((each) => (each * Math.PI) / 180);
  const [sin, cos, sinAbove, cosAbove] = [Math.sin(azimuth), Math.cos(azimuth), Math.sin(above), Math.cos(above)];
  const side = Math.min(width, height);
  // As the usual eye sees it: an instrument that is turned does not grow and shrink.
  const usual = (USUAL_EYE.height * Math.PI) / 180;
  const upright = tall * Math.cos(usual) + wide * Math.sin(usual);
  const distance = DISTANCE * radius;
  const [beside, near] = [Math.sqrt(distance ** 2 - wide ** 2), distance - wide * Math.cos(usual)];
  return {
    middle,
    right: [cos, 0, -sin],
    up: [-sinAbove * sin, cosAbove, -sinAbove * cos],
    away: [-cosAbove * sin, -sinAbove, -cosAbove * cos],
    distance,
    focal: (FILLED / 2) * Math.min((width * beside) / wide, (height * near) / upright) * eye.zoom,
    x: width / 2 + eye.x * side,
    y: height / 2 + eye.y * side,
  };
}

/**
 * The pixel of a place; the place must be in the sphere that the camera was made for, or be ahead of the eye.
 *
 * @param {Camera} camera
 * @param {number[]} place in m
 */
export function pixelOf({ middle, right, up, away, distance, focal, x, y }, place) {
  const from = place.map((each, axis) => each - middle[axis]);
  const along = (/** @type {number[]} */ direction) => direction.reduce((sum, each, axis) => sum + each * from[axis], 0);
  const scale = focal / (distance + along(away));
  return { x: x + along(right) * scale, y: y - along(up) * scale };
}
