/** The panel beside the image: series with thumbnails, documents, sender; each patient apart. */
import type { Patient, Study } from "../package/types.ts";
import { t } from "../strings.ts";
import { birthOf, idOf, nameOf } from "./banner.ts";
import { type DocumentPart, partsOf } from "./document-groups.ts";
import { el, setText, uniqueId } from "./dom.ts";
import { date } from "./format.ts";
import { icon } from "./icons.ts";
import { type DisplaySet, type DocumentItem, isIncomplete, type Model, setCount, setTitle } from "./model.ts";
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
    const several = model.patients.length > 1;
    const lists = several
      ? [...model.patients.map((patient, i) => this.patientPart(patient, i)), this.documents(null, true)]
      : [this.series(null), this.documents(model.patients[0] ?? null, false)];
    this.element = el(
      "aside",
      { class: several ? "side several" : "side", id: "side" },
      el("div", { class: "side-scroll" }, ...lists),
    );
  }

  /** Mark what is on the screen. */
  select(id: string): void {
    for (const [key, button] of this.buttons) {
      if (key === id) {
        button.setAttribute("aria-current", "true");
        const group = button.closest("details");
        if (group !== null) group.open = true;
        // after the next layout, so that it costs none of its own
        requestAnimationFrame(() => button.scrollIntoView({ block: "nearest", inline: "nearest" }));
      } else button.removeAttribute("aria-current");
    }
    for (const part of this.element.querySelectorAll(".patient"))
      part.classList.toggle("current", part.querySelector("[aria-current]") !== null);
  }

  refreshCounts(): void {
    for (const set of this.options.model.sets) {
      const element = this.counts.get(set.id);
      if (element !== undefined) this.writeCount(element, set);
    }
  }

  /** One patient of several: the heading stays in sight while the list scrolls below it. */
  private patientPart(patient: Patient, i: number): HTMLElement {
    const id = uniqueId("patient");
    const total = this.options.model.patients.length;
    return el(
      "section",
      { class: "patient", "aria-labelledby": id },
      el(
        "h2",
        { class: "patient-head", id },
        el("span", { class: "patient-place" }, t("series.patient", { n: i + 1, total })),
        el("bdi", { class: "patient-name" }, nameOf(patient)),
        el(
          "span",
          { class: "patient-facts" },
          el("bdi", {}, idOf(patient)),
          el("span", {}, birthOf(patient)),
        ),
      ),
      this.series(patient),
      this.documents(patient, true),
    );
  }

  /** The series of a patient, or of the only one. */
  private series(patient: Patient | null): HTMLElement {
    const sets = this.options.model.sets.filter((set) => patient === null || set.patient === patient);
    const studies = [...new Set(sets.map((set) => set.study))];
    const label = [t("series.label"), patient && nameOf(patient)].filter(Boolean).join(": ");
    return el(
      "nav",
      { class: "series-list", "aria-label": label },
      ...(sets.length === 0
        ? [el("p", { class: "side-none" }, t(patient === null ? "series.none" : "series.nonehere"))]
        : studies.flatMap((study) => this.study(study, sets, patient !== null || studies.length > 1))),
    );
  }

  private study(study: Study, sets: readonly DisplaySet[], named: boolean): HTMLElement[] {
    const title =
      [date(study.date), study.description].filter(Boolean).join(" \u00b7 ") || t("banner.nostudy");
    const items = sets.filter((set) => set.study === study).map((set) => el("li", {}, this.setButton(set)));
    return [
      el(this.options.model.patients.length > 1 ? "h3" : "h2", { title }, named ? title : t("series.title")),
      el("ul", {}, ...items),
    ];
  }

  private documents(patient: Patient | null, named: boolean): HTMLElement | null {
    const items = this.options.model.documents.filter((item) => item.patient === patient || !named);
    if (items.length === 0) return null;
    const rows = el("ul", {}, ...partsOf(items).map((part) => el("li", {}, this.documentPart(part))));
    if (named && patient === null) return besidePart(rows);
    const label = [t("documents.label"), patient && named && nameOf(patient)].filter(Boolean).join(": ");
    const heading = el(named ? "h3" : "h2", {}, t("documents.title"));
    return el("nav", { class: "documents-list", "aria-label": label }, heading, rows);
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
    setText(element, setCount(set));
    element.classList.toggle("warn", isIncomplete(set));
  }

  private documentPart(part: DocumentPart): HTMLElement {
    const [first, ...others] = part.items;
    if (others.length === 0) return this.documentButton(first);
    const subtitle = [t("documents.group", { n: part.items.length }), first.series?.modality];
    return el(
      "details",
      { class: "document-group" },
      el(
        "summary",
        { class: "item document" },
        icon("document"),
        el(
          "span",
          { class: "item-text" },
          el("bdi", { class: "item-title" }, part.title),
          el("span", { class: "item-count" }, subtitle.filter(Boolean).join(" \u00b7 ")),
        ),
      ),
      el("ul", {}, ...part.items.map((item) => el("li", {}, this.documentButton(item)))),
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

/** Reports that belong to none of several patients, as far as is known: apart from all. */
function besidePart(rows: HTMLElement): HTMLElement {
  const title = t("documents.beside");
  return el(
    "nav",
    { class: "patient documents-list", "aria-label": title },
    el(
      "h2",
      { class: "patient-head nobody" },
      el("span", { class: "patient-name" }, title),
      el("span", { class: "patient-facts" }, t("documents.besidewhy")),
    ),
    rows,
  );
}
