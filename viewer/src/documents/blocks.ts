/** Draws the blocks of a report: every word of it as a text node, nothing of it as markup. */
import { t } from "../strings.ts";
import { type Block, type List, outline } from "./outline.ts";

/** Under the title of the document, which is a heading of level 2. */
const TOP = 2;

/** The report as elements. */
export function drawBlocks(blocks: readonly Block[]): HTMLElement {
  const root = make("article", "blocks");
  for (const part of outline(blocks)) {
    root.append(part.type === "list" ? drawList(part.list) : drawBlock(part.block));
  }
  return root;
}

function drawBlock(block: Block): HTMLElement {
  switch (block.kind) {
    case "heading":
      return make(headingTag(block.level), "", block.text);
    case "table":
      return drawTable(block);
    case "facts":
      return drawFacts(block);
    case "note":
      return emphasised(block, "block-note");
    case "document":
      return drawDocument(block);
    default:
      return emphasised(block, "block-text");
  }
}

function headingTag(level: number): "h3" | "h4" | "h5" | "h6" {
  return (["h3", "h4", "h5", "h6"] as const)[Math.min(level + TOP, 6) - TOP - 1] ?? "h6";
}

function emphasised(block: Block, className: string): HTMLElement {
  if (!block.strong) return make("p", className, block.text);
  const paragraph = make("p", `${className} strong`);
  paragraph.append(make("strong", "", block.text));
  return paragraph;
}

function drawList(list: List): HTMLElement {
  const drawn = make("ul", "block-list");
  for (const { text, below } of list.items) {
    const line = make("li", "", text);
    line.append(...below.map(drawList));
    drawn.append(line);
  }
  return drawn;
}

/** A table may be wider than the screen: it scrolls by itself, also by keys. */
function drawTable(block: Block): HTMLElement {
  const frame = make("div", "block-table");
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", block.text || t("documents.table"));
  const table = make("table", "");
  if (block.text !== "") table.append(make("caption", "", block.text));
  const parts: [HTMLElement, readonly (readonly string[])[], "th" | "td"][] = [
    [make("thead", ""), block.rows.slice(0, block.head), "th"],
    [make("tbody", ""), block.rows.slice(block.head), "td"],
  ];
  for (const [part, rows, tag] of parts) {
    for (const row of rows) part.append(drawRow(row, tag));
    if (rows.length > 0) table.append(part);
  }
  frame.append(table);
  return frame;
}

function drawRow(row: readonly string[], tag: "th" | "td"): HTMLElement {
  const drawn = make("tr", "");
  for (const text of row) {
    const cell = make(tag, "", text);
    if (tag === "th") cell.setAttribute("scope", "col");
    drawn.append(cell);
  }
  return drawn;
}

function drawFacts(block: Block): HTMLElement {
  const list = make("dl", "block-facts");
  for (const [label = "", ...values] of block.rows) {
    const pair = make("div", "");
    pair.append(make("dt", "", label), make("dd", "", values.join(" ")));
    list.append(pair);
  }
  return list;
}

function drawDocument(block: Block): HTMLElement {
  const facts = block.rows.flat().filter(Boolean);
  const paragraph = make("p", "block-note");
  paragraph.append(
    make("strong", "", block.text || t("documents.attached")),
    ` (${facts.join(", ")}). `,
    t("documents.inside"),
  );
  return paragraph;
}

/** An element with text; the text's own direction of writing counts. */
function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  if (text !== "") {
    element.textContent = text;
    element.dir = "auto";
  }
  return element;
}
