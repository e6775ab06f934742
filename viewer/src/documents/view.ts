/** Shows a report or document: text as text nodes, PDF in the browser's own reader, everything else with a reason. */
import type { DocumentEntry, Instance, OpenPackage, TextLine } from "../package/types.ts";
import { t } from "../strings.ts";
import { drawBlocks } from "./blocks.ts";
import { hasBytes, type Inside, insideBytes } from "./inside.ts";
import { type Block, readBlocks } from "./outline.ts";
import { decodeText } from "./text.ts";

export interface DocumentSource {
  readonly title: string;
  readonly kind: "pdf" | "text" | "other";
  readonly entry: string;
  readonly mime: string;
  readonly fileName: string;
  readonly lines: readonly TextLine[] | undefined;
  /** The readable form of a report; of a PDF, what is to be known before it is opened. */
  readonly blocks: readonly Block[];
  /** Byte range inside the entry, for documents inside DICOM objects. */
  readonly range: { readonly offset: number; readonly length: number } | null;
  /** Of a document inside a report. */
  readonly inside: Inside | null;
  readonly reason: string;
  readonly rawKind: string;
}

/** The bytes of a document as it was, bit for bit. */
export async function documentBytes(pkg: OpenPackage, source: DocumentSource): Promise<Uint8Array> {
  const whole = await pkg.entry(source.entry);
  if (source.inside !== null && hasBytes(source.inside)) return insideBytes(whole, source.inside);
  if (source.range === null) return whole;
  const { offset, length } = source.range;
  return whole.subarray(offset, offset + length);
}

/** A PDF begins with its mark (ISO 32000-1, 7.5.2); what has something before it may be a page as well. */
export function isPdf(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, 5)) === "%PDF-";
}

/** Lines with their outline: headings where a line has a label and no value. */
function renderLines(lines: readonly TextLine[]): HTMLElement {
  const root = document.createElement("div");
  root.className = "lines";
  for (const line of lines) {
    const row = document.createElement("div");
    row.className = line.value === "" ? "line heading" : "line";
    row.dataset.level = String(Math.min(6, Math.max(0, line.level)));
    if (line.label !== "") {
      const label = document.createElement("span");
      label.className = "line-label";
      label.textContent = line.label;
      row.append(label);
    }
    if (line.value !== "") {
      const value = document.createElement("bdi");
      value.className = "line-value";
      value.textContent = line.value;
      row.append(value);
    }
    root.append(row);
  }
  return root;
}

/** Fill `body` with the document; resolves with the object URL to save it from, if bytes were needed. */
export async function renderDocument(
  pkg: OpenPackage,
  source: DocumentSource,
  body: HTMLElement,
): Promise<string | null> {
  if (source.lines !== undefined && source.lines.length > 0) {
    body.replaceChildren(renderLines(source.lines));
    return null;
  }
  if (source.kind !== "pdf" && source.blocks.length > 0) {
    body.replaceChildren(drawBlocks(source.blocks));
    return null;
  }
  if (source.kind === "text") {
    const text = decodeText(await documentBytes(pkg, source));
    body.replaceChildren(text.trim() === "" ? note(t("documents.empty")) : preformatted(text));
    return null;
  }
  if (source.kind === "pdf") return renderPdf(pkg, source, body);
  body.replaceChildren(
    note(
      source.reason !== ""
        ? t("documents.reason", { reason: source.reason })
        : source.rawKind !== ""
          ? t("documents.unsupported", { kind: source.rawKind.toUpperCase() })
          : t("documents.noreason"),
    ),
  );
  return null;
}

async function renderPdf(
  pkg: OpenPackage,
  source: DocumentSource,
  body: HTMLElement,
): Promise<string | null> {
  // Browsers run the programs of a PDF: what was found to hold any, or could not be looked through, is for saving only.
  const notes: HTMLElement[] = source.blocks.length > 0 ? [drawBlocks(source.blocks)] : [];
  if (source.reason !== "" || source.blocks.some((block) => block.strong)) {
    if (source.reason !== "") notes.push(note(source.reason));
    body.replaceChildren(...notes, note(t("documents.saveonly")));
    return null;
  }
  const bytes = await documentBytes(pkg, source);
  if (!isPdf(bytes)) {
    body.replaceChildren(note(t("documents.nopdf")));
    return null;
  }
  // The type is ours, never the package's: bytes that are no PDF cannot become a page of this origin. The frame has
  // no sandbox attribute because Chromium refuses its PDF reader in sandboxed frames; the reader is itself a sandbox.
  const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: "application/pdf" }));
  const frame = document.createElement("iframe");
  frame.className = "pdf";
  frame.title = source.title;
  frame.referrerPolicy = "no-referrer";
  frame.src = url;
  body.replaceChildren(...notes, navigator.pdfViewerEnabled === false ? note(t("documents.phone")) : frame);
  return url;
}

function note(text: string): HTMLElement {
  const p = document.createElement("p");
  p.className = "document-note";
  p.textContent = text;
  return p;
}

function preformatted(text: string): HTMLElement {
  const pre = document.createElement("pre");
  pre.className = "plain";
  pre.textContent = text;
  return pre;
}

/** Name for saving: nothing of the patient, an extension that fits. */
export function fileNameOf(entry: string, mime: string): string {
  const base = (entry.split("/").pop() ?? "document").replace(/[^A-Za-z0-9._-]/g, "").toLowerCase();
  if (/\.[a-z0-9]{2,4}$/.test(base)) return base;
  return `${base || "document"}.${mime === "application/pdf" ? "pdf" : "bin"}`;
}

/** Extensions of documents inside reports; what is not among them is opened by nothing. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  pdf: "pdf",
  rtf: "rtf",
  cda: "xml",
  text: "txt",
  xml: "xml",
  png: "png",
  jpeg: "jpg",
  tiff: "tif",
  gif: "gif",
  bmp: "bmp",
};

/** A document of the index, or one inside it. */
export function sourceOfEntry(
  entry: DocumentEntry,
  title: string,
  kind: DocumentSource["kind"],
  within: { readonly inside: Inside; readonly number: number } | null,
): DocumentSource {
  const own = within === null || !hasBytes(within.inside);
  const base = fileNameOf(entry.entry, entry.mime ?? "");
  const extension = EXTENSIONS[within?.inside.kind ?? ""] ?? "bin";
  return {
    title,
    kind,
    entry: entry.entry,
    mime: entry.mime ?? "",
    fileName: own ? base : `${base.replace(/\.[a-z0-9]+$/, "")}-${within?.number}.${extension}`,
    lines: within === null ? entry.text : undefined,
    blocks: within?.inside.blocks ?? readBlocks(entry.blocks),
    inside: within?.inside ?? null,
    range: null,
    reason: "",
    rawKind: within?.inside.kind ?? entry.kind,
  };
}

export function sourceOfInstance(
  instance: Instance,
  title: string,
  kind: DocumentSource["kind"],
): DocumentSource {
  const inner = instance.document;
  return {
    title,
    kind,
    entry: instance.entry,
    mime: inner?.mime ?? "",
    fileName:
      inner === undefined
        ? `${fileNameOf(instance.entry, "").replace(/\.bin$/, "")}.dcm`
        : fileNameOf(instance.entry, inner.mime),
    lines: instance.text,
    blocks: readBlocks(inner?.blocks),
    inside: null,
    range: inner === undefined ? null : { offset: inner.offset, length: inner.length },
    reason: instance.problem ?? "",
    rawKind: inner?.mime ?? "",
  };
}
