/** The field for the access code: grouped and checked while typing, without losing what was typed. */
import { findCode } from "../crypto/code.ts";
import { t } from "../strings.ts";
import { el, setText, uniqueId } from "./dom.ts";

const SYMBOL = /[0-9A-HJKMNP-TV-Z]/;
const SEPARATOR = /[\s\u00a0\u2010-\u2015\u2212-]/;
const LENGTH = 11;

export type CodeState = "empty" | "partial" | "complete" | "mistyped" | "free";

/** Symbols of a text as codes read them (I and L as 1, O as 0), or null where it holds anything else. */
export function symbolsOf(text: string): string | null {
  let symbols = "";
  for (const character of text.toUpperCase()) {
    if (SEPARATOR.test(character)) continue;
    const symbol = character === "O" ? "0" : character === "I" || character === "L" ? "1" : character;
    if (!SYMBOL.test(symbol)) return null;
    symbols += symbol;
  }
  return symbols.length <= LENGTH ? symbols : null;
}

/** K7QM3-XVD9T-R */
export function grouped(symbols: string): string {
  return [symbols.slice(0, 5), symbols.slice(5, 10), symbols.slice(10)]
    .filter((part) => part !== "")
    .join("-");
}

/** Whether a text is, or may become, an access code; `free` is a passphrase. */
export function codeState(text: string): CodeState {
  if (text.trim() === "") return "empty";
  const symbols = symbolsOf(text);
  if (symbols === null) return "free";
  if (symbols.length < LENGTH) return "partial";
  return findCode(symbols) === undefined ? "mistyped" : "complete";
}

/** What was typed, from what the field showed before and shows now: regrouping must not change a passphrase. */
export function typedText(before: { readonly typed: string; readonly shown: string }, value: string): string {
  if (before.typed === before.shown) return value;
  if (value.startsWith(before.shown)) return before.typed + value.slice(before.shown.length);
  if (before.shown.startsWith(value)) {
    const keep = (symbolsOf(value) ?? value).length;
    let kept = 0;
    let end = 0;
    while (end < before.typed.length && kept < keep) {
      if (!SEPARATOR.test(before.typed[end] ?? "")) kept += 1;
      end += 1;
    }
    return before.typed.slice(0, end);
  }
  return value;
}

export class CodeField {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  private readonly state = el("p", { class: "field-state", "aria-live": "polite" });
  private typed = "";
  private shown = "";

  constructor(private readonly options: { readonly passphrase: boolean; readonly hint: string }) {
    const id = uniqueId("code");
    const hint = el("p", { class: "field-hint", id: `${id}-hint` }, options.hint);
    this.state.id = `${id}-state`;
    this.input = el("input", {
      id,
      type: "text",
      class: "code-input",
      autocomplete: "off",
      autocapitalize: "off",
      autocorrect: "off",
      spellcheck: "false",
      inputmode: "text",
      maxlength: "200",
      placeholder: "\u2022\u2022\u2022\u2022\u2022-\u2022\u2022\u2022\u2022\u2022-\u2022",
      "aria-describedby": `${id}-state ${id}-hint`,
      on: { input: () => this.changed() },
    });
    this.element = el(
      "div",
      { class: "field" },
      el("label", { for: id }, t("unlock.label")),
      this.input,
      this.state,
      hint,
    );
  }

  /** What to try: the code's symbols, or the passphrase as typed. */
  get value(): string {
    return symbolsOf(this.typed) ?? this.typed;
  }

  get codeState(): CodeState {
    return codeState(this.typed);
  }

  /** Whether there is anything worth trying. */
  get usable(): boolean {
    const state = this.codeState;
    return state === "complete" || (this.options.passphrase && (state === "free" || state === "partial"));
  }

  focus(): void {
    this.input.focus();
  }

  /** A message under the field, announced. */
  fail(text: string): void {
    setText(this.state, text);
    this.state.className = "field-state bad";
    this.input.setAttribute("aria-invalid", "true");
    this.input.select();
    this.focus();
  }

  /** Say what is missing; true when the value may be tried. */
  validate(): boolean {
    this.describe();
    if (this.usable) return true;
    this.focus();
    return false;
  }

  private changed(): void {
    const { input } = this;
    const atEnd = input.selectionStart === input.value.length;
    this.typed = typedText({ typed: this.typed, shown: this.shown }, input.value);
    const symbols = symbolsOf(this.typed);
    if (atEnd && symbols !== null && symbols !== "") input.value = grouped(symbols);
    else if (symbols === null && atEnd) input.value = this.typed;
    else this.typed = input.value;
    this.shown = input.value;
    this.input.classList.toggle("free", this.codeState === "free");
    this.describe();
  }

  private describe(): void {
    const state = this.codeState;
    const n = symbolsOf(this.typed)?.length ?? 0;
    let text = "";
    let look = "";
    if (state === "partial" && !(this.options.passphrase && n < 3)) text = t("unlock.short", { n });
    else if (state === "complete") {
      text = t("unlock.complete");
      look = "good";
    } else if (state === "mistyped") {
      text = t("unlock.mistyped");
      look = "bad";
    } else if (state === "free" && !this.options.passphrase) {
      text = t("unlock.symbol", { symbol: strangeSymbol(this.typed) });
      look = "bad";
    }
    setText(this.state, text);
    this.state.className = `field-state ${look}`;
    if (look === "bad") this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }
}

function strangeSymbol(text: string): string {
  return [...text].find((character) => symbolsOf(character) === null) ?? text.slice(-1);
}
