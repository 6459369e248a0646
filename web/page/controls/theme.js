// Dark or light: as the system has it, or as the switch says. Colours of plots come from the style sheet.

const KEY = "live-reduction-theme";

/** @type {Map<string, string>} */
const known = new Map();
/** @type {Set<() => void>} */
const followers = new Set();

/**
 * A colour of the style sheet, `--name`, as the theme has it.
 *
 * @param {string} name
 */
export function colourOf(name) {
  let colour = known.get(name);
  if (colour === undefined) {
    colour = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    known.set(name, colour);
  }
  return colour;
}

/** @returns {boolean} whether the page is dark */
export function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

/** @param {() => void} changed called when the colours are others */
export function onTheme(changed) {
  followers.add(changed);
}

export function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  localStorage.setItem(KEY, theme);
  choose(theme);
}

/** Take the theme that was chosen last; without one, that of the system. */
export function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    const kept = localStorage.getItem(KEY);
    choose(kept === "dark" || kept === "light" ? kept : system.matches ? "dark" : "light");
  };
  system.addEventListener("change", follow);
  follow();
}

/** @param {"dark" | "light"} theme */
function choose(theme) {
  document.documentElement.dataset.theme = theme;
  known.clear();
  for (const each of followers) each();
}
