/** Tells screen readers what changed, after a pause: not one message for each slice passed. */
import { el } from "./dom.ts";

export class Live {
  readonly element = el("div", {
    class: "sr-only",
    role: "status",
    "aria-live": "polite",
    "aria-atomic": "true",
  });
  private timer: number | undefined;

  say(text: string, delay = 350): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.element.textContent = text;
    }, delay);
  }
}
