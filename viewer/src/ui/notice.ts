/** What the reader must know before trusting the images; stays until hidden, and then in the notes. */
import { t } from "../strings.ts";
import { el } from "./dom.ts";
import { icon } from "./icons.ts";

export class NoticeBar {
  readonly element = el("div", { class: "notices", role: "status", "aria-live": "polite" });
  private readonly shown = new Set<string>();

  constructor(private readonly onDetails: () => void) {}

  add(key: string, text: string, severity: "warning" | "error"): void {
    if (this.shown.has(key)) return;
    this.shown.add(key);
    const notice = el(
      "div",
      { class: `notice ${severity}` },
      icon("notes"),
      el("span", { class: "notice-text" }, text),
      el("button", { type: "button", class: "link", on: { click: () => this.onDetails() } }, t("notes.show")),
      severity === "warning" &&
        el(
          "button",
          { type: "button", class: "link", on: { click: () => notice.remove() } },
          t("notes.hide"),
        ),
    );
    this.element.append(notice);
  }
}
