/** What stands on an otherwise empty page: a quiet card, a form of one field, a sign that something goes on. */
import { el, fill } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";

export type Content = Node | string | false | null;

/** A quiet card in the middle of an empty page. */
export function card(name: IconName, title: string, ...content: Content[]): HTMLElement {
  return el(
    "main",
    { class: "gate" },
    el("section", { class: "card" }, icon(name), el("h1", { tabindex: "-1" }, title), ...content),
  );
}

/** Replaces what the page shows by a card; `announced` moves the focus to its title. */
export function showCard(root: HTMLElement, content: HTMLElement, announced = false): void {
  root.className = "";
  fill(root, content);
  if (announced) root.querySelector("h1")?.focus();
}

export function busy(text: string): HTMLElement {
  return el(
    "p",
    { class: "busy", role: "status" },
    el("span", { class: "spinner", "aria-hidden": "true" }),
    text,
  );
}

/** What a form needs of its field. */
export interface Field {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  /** Says what is missing; true when the value may be tried. */
  validate(): boolean;
  focus(): void;
}

/** A field, a button, and below them what happens. While work goes on neither can be used. */
export class FieldForm<F extends Field> {
  readonly element: HTMLFormElement;
  readonly status = el("div", { class: "gate-progress", role: "status" });
  private readonly button: HTMLButtonElement;

  constructor(
    readonly field: F,
    options: { readonly button: string; readonly onSubmit: (form: FieldForm<F>) => Promise<void> },
  ) {
    this.button = el("button", { type: "submit", class: "button primary" }, options.button);
    const submit = (event: Event): void => {
      event.preventDefault();
      if (!this.button.disabled && field.validate()) void options.onSubmit(this);
    };
    this.element = el("form", { novalidate: true, on: { submit } }, field.element, this.button, this.status);
  }

  /** Does `work`; when it fails the form can be used again and `failed` says why. */
  async during(text: string, work: () => Promise<void>, failed: (error: unknown) => void): Promise<void> {
    this.lock(true);
    this.say(busy(text));
    try {
      await work();
    } catch (error) {
      this.lock(false);
      this.say();
      failed(error);
    }
  }

  /** What stands below the button. */
  say(...content: Content[]): void {
    fill(this.status, ...content);
  }

  private lock(locked: boolean): void {
    this.button.disabled = locked;
    this.field.input.readOnly = locked;
  }
}
