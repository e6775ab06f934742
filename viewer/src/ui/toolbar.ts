/** The tools, as buttons made from the commands. */
import { t } from "../strings.ts";
import { RATES } from "./cine.ts";
import { ariaKeys, type Command, tipOf } from "./commands.ts";
import { el, setHidden } from "./dom.ts";
import { icon } from "./icons.ts";

export class Toolbar {
  readonly element: HTMLElement;
  private readonly buttons: { readonly command: Command; readonly button: HTMLButtonElement }[] = [];

  constructor(groups: readonly (readonly (Command | HTMLElement)[])[]) {
    this.element = el(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": t("tool.bar") },
      ...groups.map((group) =>
        el(
          "div",
          { class: "tool-group" },
          ...group.map((item) => (item instanceof HTMLElement ? item : this.button(item))),
        ),
      ),
    );
    this.element.addEventListener("keydown", (event) => this.walk(event));
    this.refresh();
  }

  button(command: Command): HTMLButtonElement {
    const button = el(
      "button",
      {
        type: "button",
        class: "tool",
        title: tipOf(command),
        "aria-label":
          t(command.label) === t(command.tip) ? t(command.label) : `${t(command.label)}: ${t(command.tip)}`,
        "aria-keyshortcuts": ariaKeys(command),
        "data-command": command.id,
        on: { click: () => command.run() },
      },
      command.icon === undefined ? null : icon(command.icon),
      el("span", { class: "tool-label", "aria-hidden": "true" }, t(command.label)),
    );
    this.buttons.push({ command, button });
    return button;
  }

  /** Show which tools are on, and leave out those that do nothing here. */
  refresh(): void {
    for (const { command, button } of this.buttons) {
      if (command.pressed !== undefined) {
        const pressed = String(command.pressed());
        if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
      }
      if (command.available !== undefined) setHidden(button, !command.available());
    }
  }

  /** Left and right walk along the buttons while one of them has the focus. */
  private walk(event: KeyboardEvent): void {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    if (!(event.target instanceof HTMLButtonElement)) return;
    const all = [...this.element.querySelectorAll<HTMLButtonElement>("button.tool:not([hidden])")];
    const next = all[all.indexOf(event.target) + (event.key === "ArrowRight" ? 1 : -1)];
    event.preventDefault();
    next?.focus();
  }
}

/** Rate of the cine, in images per second. */
export class RateControl {
  readonly element: HTMLElement;
  private readonly input: HTMLInputElement;
  private readonly value = el("span", { class: "rate-value", "aria-hidden": "true" });

  constructor(onChange: (rate: number) => void) {
    this.input = el("input", {
      type: "range",
      class: "rate",
      min: RATES.least,
      max: RATES.most,
      "aria-label": t("tool.rate"),
      title: t("tool.rate"),
      on: { input: () => onChange(Number(this.input.value)) },
    });
    this.element = el("div", { class: "rate-control" }, this.input, this.value);
  }

  update(rate: number, visible: boolean): void {
    if (this.input.value !== String(rate)) this.input.value = String(rate);
    this.input.setAttribute("aria-valuetext", t("tool.rate.value", { n: rate }));
    const text = `${rate}/s`;
    if (this.value.textContent !== text) this.value.textContent = text;
    setHidden(this.element, !visible);
  }
}
