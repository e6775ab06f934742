/** A document in place of the image, with the way back and a way to save it. */
import {
  type DocumentSource,
  documentBytes,
  renderDocument,
  sourceOfEntry,
  sourceOfInstance,
} from "../documents/view.ts";
import type { OpenPackage } from "../package/types.ts";
import { t } from "../strings.ts";
import { busy } from "./card.ts";
import { el, fill } from "./dom.ts";
import { wordsOf } from "./errors.ts";
import { icon } from "./icons.ts";
import type { DocumentItem } from "./model.ts";

export class DocumentPane {
  readonly element = el("section", {
    class: "document-pane",
    hidden: true,
    "aria-label": t("documents.label"),
  });
  private url: string | null = null;
  private current: string | null = null;

  constructor(
    private readonly pkg: OpenPackage,
    private readonly onClose: () => void,
  ) {}

  get open(): boolean {
    return !this.element.hidden;
  }

  async show(item: DocumentItem): Promise<void> {
    const source = sourceOf(item);
    this.release();
    this.current = item.id;
    const body = el("div", { class: "document-body", tabindex: "0" }, busy(t("documents.loading")));
    const heading = el("h2", { tabindex: "-1" }, el("bdi", {}, item.title));
    const tab = el(
      "button",
      {
        type: "button",
        class: "button",
        hidden: true,
        on: { click: () => this.url !== null && window.open(this.url, "_blank", "noopener") },
      },
      t("documents.newtab"),
    );
    fill(
      this.element,
      el(
        "div",
        { class: "document-head" },
        el(
          "button",
          { type: "button", class: "button back", on: { click: () => this.onClose() } },
          icon("back"),
          t("documents.close"),
        ),
        heading,
        el("span", { class: "quiet" }, item.subtitle),
        tab,
        el(
          "button",
          { type: "button", class: "button", on: { click: () => void this.save(source, body) } },
          t("documents.save"),
        ),
      ),
      item.warning !== "" && el("p", { class: "document-warning", role: "alert" }, item.warning),
      item.verdict !== "" && el("p", { class: "document-verdict" }, item.verdict),
      body,
    );
    this.element.hidden = false;
    heading.focus();
    try {
      const url = await renderDocument(this.pkg, source, body);
      if (this.current !== item.id) {
        if (url !== null) URL.revokeObjectURL(url);
        return;
      }
      this.url = url;
      tab.hidden = url === null;
    } catch (error) {
      fill(body, el("p", { class: "document-note", role: "alert" }, wordsOf(error)));
    }
  }

  close(): void {
    this.release();
    this.current = null;
    this.element.hidden = true;
    fill(this.element);
  }

  private release(): void {
    if (this.url !== null) URL.revokeObjectURL(this.url);
    this.url = null;
  }

  private async save(source: DocumentSource, body: HTMLElement): Promise<void> {
    let bytes: Uint8Array;
    try {
      bytes = await documentBytes(this.pkg, source);
    } catch (error) {
      body.querySelector("[role=alert]")?.remove();
      body.prepend(el("p", { class: "document-note", role: "alert" }, wordsOf(error)));
      return;
    }
    // Saved as bytes: the browser must not guess a type from what is inside.
    const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: "application/octet-stream" }));
    el("a", { href: url, download: source.fileName }).click();
    window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
}

function sourceOf(item: DocumentItem): DocumentSource {
  if (item.source.type === "instance") return sourceOfInstance(item.source.instance, item.title, item.kind);
  const within = item.source.type === "inside" ? item.source : null;
  return sourceOfEntry(item.source.entry, item.title, item.kind, within);
}
