// Fields that set a PV. Names, units, limits and choices are those of the PV; a refusal stands under the field.

import { freshId, h, setText } from "./elements.js";
import { figure, unitSymbol } from "./numbers.js";

/** @typedef {import("../state/pv_store.js").PvStore} PvStore */
/** @typedef {import("../state/pv_store.js").Pv} Pv */
/** @typedef {{label?: string, narrow?: boolean}} FieldOptions label: instead of the PV's description */

/**
 * A field that shows a setting and changes it on Enter, with its label.
 *
 * @param {PvStore} store
 * @param {string} name of the PV, without prefix
 * @param {FieldOptions} [options]
 * @returns {{element: HTMLElement, end: () => void}}
 */
export function settingField(store, name, options = {}) {
  const field = new SettingField(store, name, options);
  return { element: field.element, end: store.watch([name, `${name}_RBV`], () => field.update()) };
}

class SettingField {
  /** @param {PvStore} store @param {string} name @param {FieldOptions} options */
  constructor(store, name, options) {
    this.store = store;
    this.name = name;
    this.options = options;
    const [id, hint, refusal] = [freshId("field"), freshId("hint"), freshId("refusal")];
    this.id = id;
    this.label = h("label", { for: id }, options.label ?? name);
    this.unit = h("span", { class: "unit" });
    this.hint = h("p", { class: "hint", id: hint });
    this.refusal = h("p", { class: "refusal", id: refusal, role: "alert" });
    this.describedBy = `${hint} ${refusal}`;
    /** @type {HTMLInputElement | HTMLSelectElement} */
    this.control = h("input", { id, disabled: true, "aria-describedby": this.describedBy });
    this.place = h("div", { class: "control" }, this.control, this.unit);
    const style = options.narrow ? "field narrow" : "field";
    this.element = h("div", { class: style, "data-pv": name }, this.label, this.place, this.hint, this.refusal);
    this.labels = "";
    this.edited = false;
    this.pending = 0;
    this.listen();
  }

  listen() {
    this.control.addEventListener("keydown", (event) => this.key(/** @type {KeyboardEvent} */ (event)));
    this.control.addEventListener("input", () => {
      if (this.control instanceof HTMLInputElement) this.edited = true;
      this.mark();
    });
    this.control.addEventListener("change", () => {
      if (this.control instanceof HTMLSelectElement) void this.put(this.control.value);
    });
    this.control.addEventListener("blur", () => {
      if (this.edited && this.control.value === this.shown(this.store.pv(this.name))) this.restore();
    });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Enter" && this.control instanceof HTMLInputElement) {
      event.preventDefault();
      void this.put(this.control.value);
    } else if (event.key === "Escape" && this.edited) {
      event.stopPropagation();
      this.restore();
    }
  }

  restore() {
    this.edited = false;
    this.refuse("");
    this.update();
  }

  /** @param {string} text */
  async put(text) {
    const pv = this.store.pv(this.name);
    const number = typeof pv.value === "number" && !pv.labels.length;
    const value = pv.labels.length || number ? Number(text.trim().replace("−", "-").replace(",", ".")) : text;
    if (number && (text.trim() === "" || Number.isNaN(value))) {
      this.refuse(`“${text}” is not a number`);
      return;
    }
    this.pending += 1;
    this.mark();
    this.refuse("");
    try {
      await this.store.write(this.name, value);
      this.edited = false;
    } catch (refused) {
      this.refuse(refused instanceof Error ? refused.message : String(refused));
    }
    this.pending -= 1;
    this.update();
  }

  /** @param {string} words */
  refuse(words) {
    setText(this.refusal, words);
    if (words) this.control.setAttribute("aria-invalid", "true");
    else this.control.removeAttribute("aria-invalid");
  }

  update() {
    const pv = this.store.pv(this.name);
    setText(this.label, this.options.label ?? (pv.description || pv.name));
    this.label.title = this.store.full(this.name);
    if (pv.labels.join("\n") !== this.labels) this.becomeChoice(pv.labels);
    setText(this.unit, pv.units && !this.options.narrow ? unitSymbol(pv.units) : "");
    const can = pv.connected && !pv.readonly;
    if (this.control instanceof HTMLSelectElement) this.control.disabled = !can;
    else {
      this.control.disabled = !pv.connected;
      this.control.readOnly = !can;
    }
    const value = this.shown(pv);
    if (!this.edited && !this.pending && this.control.value !== value) this.control.value = value;
    if (this.control instanceof HTMLInputElement) this.control.title = value;
    this.mark();
  }

  /** @param {string[]} labels */
  becomeChoice(labels) {
    this.labels = labels.join("\n");
    const options = labels.map((each, index) => h("option", { value: index }, choiceWords(each)));
    const control = h("select", { id: this.id, "aria-describedby": this.describedBy }, ...options);
    this.control.replaceWith(control);
    this.control = control;
    this.listen();
  }

  /** @param {Pv} pv @returns {string} the value as the control has it */
  shown(pv) {
    if (pv.value === null) return "";
    return typeof pv.value === "number" && !pv.labels.length ? plain(pv.value) : String(pv.value);
  }

  /** Show whether the value is being set, edited or in force. */
  mark() {
    this.element.classList.toggle("pending", this.pending > 0);
    this.element.classList.toggle("edited", this.edited && !this.pending);
    const pv = this.store.pv(this.name);
    const readback = this.store.pv(`${this.name}_RBV`);
    const differs = readback.connected && readback.value !== null && this.shown(readback) !== this.shown(pv);
    if (this.pending) setText(this.hint, "being set …");
    else if (this.edited) setText(this.hint, `Enter sets it, Esc restores${limitWords(pv)}`);
    else if (differs) setText(this.hint, `in force: ${readback.text || this.shown(readback)}`);
    else if (pv.connected && pv.readonly && this.store.mayWrite) setText(this.hint, "read only on this page");
    else setText(this.hint, "");
  }
}

/** @param {Pv} pv */
function limitWords(pv) {
  const { min, max } = pv;
  if (min === null || max === null || !(max > min)) return "";
  return `; ${figure(min)} to ${figure(max)}${pv.units ? ` ${unitSymbol(pv.units)}` : ""}`;
}

/** @param {number} value @returns {string} all its digits, none more */
export function plain(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(12))) : "";
}

/**
 * A choice in words: FooBar becomes "Foo bar"; names of units, with a capital inside a word, stay.
 *
 * @param {string} label
 */
export function choiceWords(label) {
  if (!/^[A-Z][a-z]+([A-Z][a-z]+)+$/.test(label)) return label;
  return label.replace(/([a-z])([A-Z])/g, (_, end, start) => `${end} ${start.toLowerCase()}`);
}

/**
 * A button that puts 1 to a command PV, after a question if it cannot be undone.
 *
 * @param {PvStore} store
 * @param {{name: string, value?: number, words: string, question?: string, style?: string, key?: string}} command
 * @param {(refusal: string) => void} refused
 * @param {(() => void)[]} [ends] gets what ends following the PV
 * @returns {HTMLButtonElement}
 */
export function commandButton(store, command, refused, ends = []) {
  const press = async () => {
    if (command.question && !(await confirmed(command.question, command.words))) return;
    refused("");
    try {
      await store.write(command.name, command.value ?? 1);
    } catch (why) {
      refused(why instanceof Error ? why.message : String(why));
    }
  };
  const button = h("button", { type: "button", class: command.style ?? "", click: press, "data-pv": command.name }, command.words);
  const follow = () => {
    const pv = store.pv(command.name);
    button.disabled = !pv.connected || pv.readonly;
    button.title = pv.description;
  };
  ends.push(store.watch([command.name], follow));
  return button;
}

/**
 * Ask before something that cannot be undone.
 *
 * @param {string} question
 * @param {string} words of the button that does it
 * @returns {Promise<boolean>}
 */
export function confirmed(question, words) {
  const dialog = h("dialog", { "aria-label": words });
  const answer = (/** @type {string} */ value) => () => dialog.close(value);
  dialog.append(
    h("p", {}, question),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", click: answer("no") }, "Cancel"),
      h("button", { type: "button", class: "primary", click: answer("yes") }, words),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
  });
}
