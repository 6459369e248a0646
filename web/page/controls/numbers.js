// Numbers as a scientist writes them.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * A number with as many significant digits, and a power of ten if it is very large or small.
 *
 * @param {number} value
 * @param {number} [digits]
 */
export function figure(value, digits = 4) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const power = Math.floor(Math.log10(Math.abs(value)));
  if (power >= 6 || power < -4) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return `${minus(trimmed(mantissa))}·10${superscript(Number(exponent))}`;
  }
  return minus(trimmed(value.toFixed(Math.max(0, digits - 1 - power))));
}

/**
 * A whole number, with thin spaces between thousands if it has more than four digits.
 *
 * @param {number} value
 */
export function grouped(value) {
  if (!Number.isFinite(value)) return "–";
  const digits = String(Math.round(value));
  return minus(Math.abs(value) < 10000 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, "\u202f"));
}

/**
 * An amount, such as a rate: large ones with thin spaces, small ones with five digits.
 *
 * @param {number} value
 */
export function amount(value) {
  return Math.abs(value) >= 10000 ? grouped(value) : figure(value, 5);
}

/**
 * A coordinate of a detector: to a tenth of a millimetre, with at most four digits.
 *
 * @param {number} value in m
 */
export function metres(value) {
  return figure(Math.round(value * 1e4) / 1e4);
}

/**
 * A value with its error, both to the second significant digit of the error.
 *
 * @param {number} value
 * @param {number} error
 */
export function withError(value, error) {
  if (!Number.isFinite(value)) return "–";
  if (!(error > 0) || !Number.isFinite(error)) return figure(value, 5);
  const decimals = 1 - Math.floor(Math.log10(error));
  if (decimals <= 0) {
    const step = 10 ** -decimals;
    return `${grouped(Math.round(value / step) * step)} ± ${grouped(Math.round(error / step) * step)}`;
  }
  if (decimals > 12) return `${figure(value, 5)} ± ${figure(error, 2)}`;
  return `${minus(value.toFixed(decimals))} ± ${error.toFixed(decimals)}`;
}

/**
 * A duration: 0.3 s, 12 s, 3 min 20 s, 2 h 5 min.
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** @param {number} seconds since 1970 @returns {string} local time, as 14:03:07 */
export function clock(seconds) {
  const date = new Date(seconds * 1000);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((each) => String(each).padStart(2, "0")).join(":");
}

/** @param {number} seconds since 1970 @returns {string} local time, with the date if it is not today's */
export function moment(seconds) {
  const date = new Date(seconds * 1000);
  if (date.toDateString() === new Date().toDateString()) return clock(seconds);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((each) => String(each).padStart(2, "0"));
  return `${day.join("-")} ${clock(seconds)}`;
}

/** @type {Record<string, string>} */
const SYMBOLS = { Ang: "Å", "1/Ang": "Å⁻¹", us: "µs", "1/s": "/s", C: "°C", deg: "°" };

/** @param {string} unit as EPICS has it, in ASCII @returns {string} as it is written */
export function unitSymbol(unit) {
  return SYMBOLS[unit] ?? unit;
}

/** @param {string} name @param {string} unit as it is written, or "" @returns {string} what stands beside an axis */
export function axisTitle(name, unit) {
  return unit ? `${name} / ${unit}` : name;
}

/** @param {string} mantissa @returns {string} without zeros at the end */
function trimmed(mantissa) {
  return mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
}

/** @param {string} text @returns {string} with a true minus sign */
function minus(text) {
  return text.replace("-", "−");
}

/** @param {number} exponent */
export function superscript(exponent) {
  const digits = [...String(Math.abs(exponent))].map((each) => SUPERSCRIPTS[Number(each)]).join("");
  return (exponent < 0 ? "⁻" : "") + digits;
}
