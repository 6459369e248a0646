// Decodes what the server sends: binary frames and arrays in base64. See docs/reference/web-protocol.md.

/** @typedef {Float64Array | Float32Array | Int32Array | Uint8Array | Int8Array | Int16Array | Uint16Array | Uint32Array} Numbers */
/** @typedef {{name: string, dtype: string, shape: number[], same?: boolean}} ArrayEntry */
/** @typedef {{pv: string, seconds?: number, nanos?: number, severity?: string, result?: number, fields?: Record<string, any>, arrays?: ArrayEntry[]}} FrameHeader */
/** @typedef {{header: FrameHeader, arrays: Map<string, Numbers>}} Frame */

/** A frame leaves out an array that this page does not have (any more). */
export class ArrayMissing extends Error {}

/** @type {Record<string, {of: (buffer: ArrayBuffer, offset: number, length: number) => Numbers, bytes: number}>} */
const DTYPES = {
  f8: { of: (buffer, offset, length) => new Float64Array(buffer, offset, length), bytes: 8 },
  f4: { of: (buffer, offset, length) => new Float32Array(buffer, offset, length), bytes: 4 },
  i4: { of: (buffer, offset, length) => new Int32Array(buffer, offset, length), bytes: 4 },
  u4: { of: (buffer, offset, length) => new Uint32Array(buffer, offset, length), bytes: 4 },
  i2: { of: (buffer, offset, length) => new Int16Array(buffer, offset, length), bytes: 2 },
  u2: { of: (buffer, offset, length) => new Uint16Array(buffer, offset, length), bytes: 2 },
  i1: { of: (buffer, offset, length) => new Int8Array(buffer, offset, length), bytes: 1 },
  u1: { of: (buffer, offset, length) => new Uint8Array(buffer, offset, length), bytes: 1 },
};

/**
 * The header and the arrays of a binary frame.
 *
 * An array that did not change since the last frame of the PV is taken from `last`. Arrays share the memory of
 * the frame.
 *
 * @param {ArrayBuffer} buffer
 * @param {(pv: string) => Map<string, Numbers> | undefined} last
 * @returns {Frame}
 */
export function decodeFrame(buffer, last) {
  const length = new DataView(buffer).getUint32(0, true);
  /** @type {FrameHeader} */
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const before = last(header.pv);
  /** @type {Map<string, Numbers>} */
  const arrays = new Map();
  let offset = 4 + length;
  for (const entry of header.arrays ?? []) {
    if (entry.same) {
      const kept = before?.get(entry.name);
      if (!kept) throw new ArrayMissing(`${header.pv}: ${entry.name} is said to be unchanged, but is not here`);
      arrays.set(entry.name, kept);
      continue;
    }
    const dtype = DTYPES[entry.dtype];
    if (!dtype) throw new Error(`${header.pv}: ${entry.name} has the unknown type ${entry.dtype}`);
    const count = entry.shape.reduce((product, each) => product * each, 1);
    arrays.set(entry.name, dtype.of(buffer, offset, count));
    offset += Math.ceil((count * dtype.bytes) / 8) * 8;
  }
  return { header, arrays };
}

/** @type {Record<string, string>} */
const BASE64_DTYPES = { b64dbl: "f8", b64flt: "f4", b64int: "i4", b64srt: "i2", b64byt: "i1" };

/**
 * The array of an `update` in base64, or null if the update has none.
 *
 * @param {Record<string, any>} update
 * @returns {Numbers | null}
 */
export function base64Array(update) {
  for (const [key, dtype] of Object.entries(BASE64_DTYPES)) {
    if (typeof update[key] === "string") {
      const bytes = Uint8Array.from(atob(update[key]), (each) => each.charCodeAt(0));
      const kind = DTYPES[dtype];
      return kind.of(bytes.buffer, 0, Math.floor(bytes.length / kind.bytes));
    }
  }
  return null;
}
