/** The panel beside the image: series with thumbnails, documents, sender. */
import { t } from "../strings.ts";
import { el } from "./dom.ts";
import { date } from "./format.ts";
import { icon } from "./icons.ts";
import { type DisplaySet, type DocumentItem, type Model, setCount, setTitle } from "./model.ts";
import type { Thumbnails } from "./thumbnail.ts";

export interface SideOptions {
  readonly model: Model;
  readonly thumbnails: Thumbnails;
  readonly onSet: (set: DisplaySet) => void;
  readonly onDocument: (item: DocumentItem) => void;
}

export class SidePanel {
  readonly element: HTMLElement;
  private readonly buttons = new Map<string, HTMLButtonElement>();
  private readonly counts = new Map<string, HTMLElement>();

  constructor(private readonly options: SideOptions) {
    const { model } = options;
    this.element = el(
      "aside",
      { class: "side", id: "side" },
      el("nav", { class: "series-list", "aria-label": t("series.label") }, ...this.seriesItems()),
      model.documents.length > 0 &&
        el(
          "nav",
          { class: "documents-list", "aria-label": t("documents.label") },
          el("h2", {}, t("documents.title")),
          el("ul", {}, ...model.documents.map((item) => el("li", {}, this.documentButton(item)))),
        ),
    );
  }

  /** Mark what is on the screen. */
  select(id: string): void {
    for (const [key, button] of this.buttons) {
      if (key === id) {
        button.setAttribute("aria-current", "true");
        // after the next layout, so that it costs none of its own
        requestAnimationFrame(() => button.scrollIntoView({ block: "nearest", inline: "nearest" }));
      } else button.removeAttribute("aria-current");
    }
  }

  refreshCounts(): void {
    for (const set of this.options.model.sets) {
      const element = this.counts.get(set.id);
      if (element !== undefined) this.writeCount(element, set);
    }
  }

  private seriesItems(): HTMLElement[] {
    const { model } = this.options;
    if (model.sets.length === 0) return [el("p", { class: "side-none" }, t("series.none"))];
    const items: HTMLElement[] = [];
    const studies = new Set(model.sets.map((set) => set.study));
    for (const study of studies) {
      const sets = model.sets.filter((set) => set.study === study);
      const title =
        [date(study.date), study.description].filter(Boolean).join(" \u00b7 ") || t("banner.nostudy");
      items.push(
        el("h2", { title }, studies.size > 1 ? title : t("series.title")),
        el("ul", {}, ...sets.map((set) => el("li", {}, this.setButton(set)))),
      );
    }
    return items;
  }

  private setButton(set: DisplaySet): HTMLButtonElement {
    const count = el("span", { class: "item-count" });
    this.counts.set(set.id, count);
    this.writeCount(count, set);
    const title = setTitle(set);
    const number = [set.series.modality, set.series.number].filter((part) => part !== undefined).join(" ");
    const button = el(
      "button",
      {
        type: "button",
        class: "item set",
        title,
        "data-set": set.id,
        on: { click: () => this.options.onSet(set) },
      },
      this.options.thumbnails.create(set),
      el(
        "span",
        { class: "item-text" },
        el("span", { class: "item-number" }, number),
        el("bdi", { class: "item-title" }, title),
        count,
      ),
    );
    this.buttons.set(set.id, button);
    return button;
  }

  private writeCount(element: HTMLElement, set: DisplaySet): void {
    element.textContent = setCount(set);
    element.classList.toggle(
      "warn",
      set.places.some((place) => place.kind === "gap") || set.partial.size > 0,
    );
  }

  private documentButton(item: DocumentItem): HTMLButtonElement {
    const button = el(
      "button",
      {
        type: "button",
        class: "item document",
        title: item.title,
        "data-document": item.id,
        on: { click: () => this.options.onDocument(item) },
      },
      icon(item.kind === "other" ? "broken" : "document"),
      el(
        "span",
        { class: "item-text" },
        el("bdi", { class: "item-title" }, item.title),
        el("span", { class: "item-count" }, item.subtitle),
        item.warning !== "" && el("span", { class: "item-count warn" }, item.warning),
      ),
    );
    this.buttons.set(item.id, button);
    return button;
  }
}
