/** The sheets over the viewer: keys, about, notes. Native dialogs: focus stays inside, Escape closes. */
import type { Finding, Index, OpenPackage, SignatureState } from "../package/types.ts";
import { type StringKey, t } from "../strings.ts";
import { type Command, type Keyboard, keyLabel } from "./commands.ts";
import { el, fill } from "./dom.ts";
import { moment } from "./format.ts";
import { icon } from "./icons.ts";
import type { LossNote, Model } from "./model.ts";

/** Show a sheet; it removes itself when closed. */
export function openSheet(title: string, ...content: (Node | null | false)[]): HTMLDialogElement {
  const close = el(
    "button",
    {
      type: "button",
      class: "sheet-close",
      "aria-label": t("about.close"),
      title: t("about.close"),
      on: { click: () => sheet.close() },
    },
    icon("close"),
  );
  const sheet = el(
    "dialog",
    { class: "sheet", "aria-label": title },
    el("div", { class: "sheet-head" }, el("h2", { tabindex: "-1", autofocus: true }, title), close),
    el("div", { class: "sheet-body" }, ...content),
  );
  sheet.addEventListener("close", () => sheet.remove());
  sheet.addEventListener("click", (event) => {
    if (event.target === sheet) sheet.close();
  });
  document.body.append(sheet);
  sheet.showModal();
  return sheet;
}

const GESTURES: readonly (readonly [StringKey, StringKey])[] = [
  ["help.wheel", "help.wheel.does"],
  ["help.ctrlwheel", "help.ctrlwheel.does"],
  ["help.left", "help.left.does"],
  ["help.right", "help.right.does"],
  ["help.middle", "help.middle.does"],
  ["help.double", "help.double.does"],
];

export function openHelp(commands: readonly Command[], keyboard: Keyboard): void {
  const switcher = el("input", {
    type: "checkbox",
    id: "single-keys",
    on: {
      change: () => {
        keyboard.singles = switcher.checked;
      },
    },
  });
  switcher.checked = keyboard.singles;
  const row = (keys: readonly string[], text: string): HTMLElement =>
    el("tr", {}, el("th", { scope: "row" }, ...keys.map((key) => el("kbd", {}, key))), el("td", {}, text));
  const table = (title: string, rows: HTMLElement[], look = ""): HTMLElement =>
    el("section", { class: look }, el("h3", {}, title), el("table", {}, el("tbody", {}, ...rows)));
  openSheet(
    t("help.title"),
    el(
      "div",
      { class: "help" },
      table(t("help.keys"), [
        ...commands
          .filter((command) => command.keys.length > 0)
          .map((command) =>
            row(
              command.keys.filter((key, i) => i < 2 && (i === 0 || key.length < 12)).map(keyLabel),
              t(command.tip),
            ),
          ),
        row(["1 \u2013 9"], t("help.digits")),
      ]),
      table(
        t("help.mouse"),
        GESTURES.map(([gesture, does]) => row([t(gesture)], t(does))),
        "gestures",
      ),
    ),
    el("p", { class: "check" }, switcher, el("label", { for: "single-keys" }, t("help.singles"))),
  );
}

const SIGNATURE: Readonly<Record<SignatureState, StringKey>> = {
  valid: "sender.valid",
  invalid: "sender.invalid",
  absent: "sender.absent",
  unsupported: "sender.unsupported",
};

export function signatureWords(state: SignatureState): string {
  return t(SIGNATURE[state]);
}

export function senderName(index: Index): string {
  const { organisation, name } = index.sender ?? {};
  return [organisation, name].filter(Boolean).join(" \u2013 ") || t("sender.unknown");
}

export function openAbout(pkg: OpenPackage, model: Model, notice: string): void {
  const { index } = pkg;
  const signature = el("dd", {}, t("sender.checking"));
  pkg.signature.then(
    (state) => {
      signature.textContent = signatureWords(state);
      signature.className = state;
    },
    (error: unknown) => {
      signature.textContent = error instanceof Error ? error.message : String(error);
    },
  );
  const counts = t("about.contents", {
    series: new Set(model.sets.map((set) => set.series)).size,
    images: model.sets.reduce((sum, set) => sum + set.places.length, 0),
    documents: model.documents.length,
  });
  const fingerprint = index.sender?.fingerprint;
  openSheet(
    t("about.title"),
    el(
      "dl",
      { class: "facts" },
      el("dt", {}, t("about.sender")),
      el("dd", {}, el("bdi", {}, senderName(index))),
      signature,
      fingerprint ? el("dd", { class: "mono" }, t("sender.fingerprint", { fingerprint })) : null,
      el("dt", {}, t("about.package")),
      el("dd", {}, counts),
      el("dd", {}, t("sender.made", { date: moment(index.created) })),
      el("dd", { class: "mono" }, index.package_id),
    ),
    passwordSection(pkg.password),
    el("p", { class: "quiet" }, t("about.viewer")),
    notice === ""
      ? null
      : el("details", {}, el("summary", {}, t("about.licences")), el("pre", { class: "notice" }, notice)),
  );
}

function passwordSection(password: string): HTMLElement {
  const value = el("output", { class: "password mono", hidden: true });
  const copied = el("span", { class: "quiet", role: "status" });
  const copy = el(
    "button",
    {
      type: "button",
      class: "button",
      hidden: true,
      on: {
        click: () => {
          navigator.clipboard.writeText(password).then(
            () => {
              copied.textContent = t("about.copied");
            },
            () => window.getSelection()?.selectAllChildren(value),
          );
        },
      },
    },
    t("about.copy"),
  );
  const reveal = el(
    "button",
    {
      type: "button",
      class: "button",
      "aria-expanded": "false",
      on: {
        click: () => {
          const show = value.hidden;
          value.hidden = !show;
          copy.hidden = !show;
          value.textContent = show ? password : "";
          reveal.textContent = t(show ? "about.conceal" : "about.reveal");
          reveal.setAttribute("aria-expanded", String(show));
        },
      },
    },
    t("about.reveal"),
  );
  return el(
    "section",
    { class: "zip" },
    el("h3", {}, t("about.password")),
    el("p", { class: "quiet" }, t("about.passwordlead")),
    value,
    el("p", { class: "row" }, reveal, copy, copied),
  );
}

export function openNotes(
  losses: readonly LossNote[],
  findings: readonly Finding[],
  onLoss: (note: LossNote) => void,
): void {
  const items: HTMLElement[] = losses.map((note) => {
    const go = el(
      "button",
      {
        type: "button",
        class: "note loss",
        on: {
          click: () => {
            sheet.close();
            onLoss(note);
          },
        },
      },
      note.text,
    );
    return el("li", {}, note.set === null ? el("p", { class: "note loss" }, note.text) : go);
  });
  for (const finding of findings) items.push(el("li", {}, findingItem(finding)));
  const sheet = openSheet(
    t("notes.title"),
    items.length === 0 ? el("p", {}, t("notes.none")) : el("ul", { class: "notes" }, ...items),
  );
}

function findingItem(finding: Finding): HTMLElement {
  const box = el("div", { class: `note ${finding.severity.toLowerCase()}` });
  fill(
    box,
    el("p", { class: "note-why" }, finding.why || finding.code),
    el(
      "p",
      { class: "quiet" },
      [
        finding.where,
        finding.count !== undefined && finding.count > 1 ? t("notes.where", { n: finding.count }) : "",
        finding.code,
      ]
        .filter(Boolean)
        .join(" \u00b7 "),
    ),
    finding.next ? el("p", { class: "quiet" }, t("notes.next", { next: finding.next })) : null,
  );
  return box;
}
