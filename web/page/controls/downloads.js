// What is shown, as files: a picture made by the page, and the result in text or NeXus made by the server.

import { h } from "./elements.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {import("../plot/plot.js").Plot} Plot */

/**
 * The links and the button that save what is shown.
 *
 * @param {Page} page
 * @param {Plot} plot
 * @param {(words: string) => void} failed
 */
export function downloads(page, plot, failed) {
  const link = (/** @type {string} */ kind, /** @type {string} */ words) => {
    const anchor = h("a", { class: "button", download: "" }, words);
    page.onReduction((red) => anchor.setAttribute("href", `download/${kind}?reduction=${red.replace(/\D/g, "")}`));
    return anchor;
  };
  const picture = () => {
    const words = `${page.hello.prefix}${page.red} pulses ${page.pulses()}, ${new Date(page.snapshot().seconds * 1000).toLocaleString()}`;
    plot.picturePng(words).then(
      (blob) => save(blob, `${page.hello.prefix}${page.red}`.replace(/\W+/g, "-").replace(/-$/, "") + ".png"),
      (why) => failed(String(why)),
    );
  };
  return h(
    "div",
    { class: "downloads", role: "group", "aria-label": "Save" },
    h("span", { "aria-hidden": "true" }, "Save"),
    h("button", { type: "button", click: picture, title: "A picture of the plot" }, "PNG"),
    link("xye", ".xye"),
    link("nexus", "NeXus"),
  );
}

/** @param {Blob} blob @param {string} name of the file */
function save(blob, name) {
  const href = URL.createObjectURL(blob);
  const anchor = h("a", { href, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(href), 10000);
}
