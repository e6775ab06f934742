/** The fields of a request: each with its label, its hint, and what is wrong with it. */
import { el, setText, uniqueId } from "../ui/dom.ts";
import { say } from "./strings.ts";

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

interface Options {
  readonly hint?: string;
  readonly needed?: boolean;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

const MAX_TEXT = "500";

export class AskField<C extends Control = Control> {
  readonly element: HTMLElement;
  private readonly state = el("p", { class: "field-state", "aria-live": "polite" });

  constructor(
    label: string,
    readonly control: C,
    private readonly options: Options = {},
  ) {
    const id = uniqueId("ask");
    control.id = id;
    control.classList.add("ask-input");
    this.state.id = `${id}-state`;
    control.setAttribute("aria-describedby", this.state.id);
    if (options.needed) control.setAttribute("aria-required", "true");
    setText(this.state, options.hint ?? "");
    control.addEventListener("input", () => this.tell(""));
    this.element = el("div", { class: "field" }, el("label", { for: id }, label), control, this.state);
  }

  get value(): string {
    return this.control.value.trim();
  }

  /** Whether it is filled in where it has to be. */
  check(): boolean {
    const good = !this.options.needed || this.value !== "";
    this.tell(good ? "" : say("needed"));
    return good;
  }

  /** Says what is wrong; nothing where `text` is empty. */
  tell(text: string): void {
    setText(this.state, text !== "" ? text : (this.options.hint ?? ""));
    this.state.className = text !== "" ? "field-state bad" : "field-state";
    if (text !== "") this.control.setAttribute("aria-invalid", "true");
    else this.control.removeAttribute("aria-invalid");
  }
}

export function textField(label: string, options: Options = {}): AskField<HTMLInputElement> {
  const control = el("input", {
    type: "text",
    maxlength: MAX_TEXT,
    autocomplete: "off",
    ...options.attributes,
  });
  return new AskField(label, control, options);
}

export function dayField(label: string, options: Options = {}): AskField<HTMLInputElement> {
  const control = el("input", { type: "date", min: "1850-01-01", max: "2200-01-01", ...options.attributes });
  return new AskField(label, control, options);
}

export function longField(label: string, options: Options = {}): AskField<HTMLTextAreaElement> {
  return new AskField(
    label,
    el("textarea", { rows: "2", maxlength: MAX_TEXT, ...options.attributes }),
    options,
  );
}

export function choiceField(
  label: string,
  first: string,
  choices: readonly (readonly [string, string])[],
  options: Options = {},
): AskField<HTMLSelectElement> {
  const all = [["", first] as const, ...choices];
  const control = el("select", {}, ...all.map(([value, text]) => el("option", { value }, text)));
  return new AskField(label, control, options);
}

export function fileField(label: string, accept: string, options: Options = {}): AskField<HTMLInputElement> {
  return new AskField(label, el("input", { type: "file", accept }), options);
}

/** Fields that belong together, under a heading. */
export function group(title: string, ...fields: readonly (AskField | readonly AskField[])[]): HTMLElement {
  const rows = fields.map((field) =>
    field instanceof AskField
      ? field.element
      : el("div", { class: "ask-row" }, ...field.map((one) => one.element)),
  );
  return el("fieldset", {}, el("legend", {}, title), ...rows);
}
