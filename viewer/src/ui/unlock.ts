/** Before anything is decrypted: the access code, the file once more, or what went wrong. No patient data here. */
import { type Locked, type OpenPackage, PackageError, type PackageErrorCode } from "../package/types.ts";
import { type StringKey, t } from "../strings.ts";
import { CodeField } from "./code-field.ts";
import { el, fill } from "./dom.ts";
import { warmDates } from "./format.ts";
import { type IconName, icon } from "./icons.ts";

const WORDS: Readonly<Record<PackageErrorCode, StringKey>> = {
  "code.invalid": "unlock.mistyped",
  "code.wrong": "unlock.wrong",
  "slot.none": "error.slots",
  "package.damaged": "error.damaged",
  "package.swapped": "error.swapped",
  "package.truncated": "error.truncated",
  "package.version": "error.version",
  "package.other": "error.other",
  "entry.missing": "error.missing",
  "source.unreachable": "error.unreachable",
  "source.forbidden": "error.forbidden",
  aborted: "error.unknown",
};

/** The error in plain words; what the program said is added by the caller as details. */
export function wordsOf(error: unknown): string {
  if (error instanceof PackageError) return t(WORDS[error.code] ?? "error.unknown");
  return t("error.unknown");
}

export function detailsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A quiet card in the middle of an empty page. */
export function card(
  name: IconName,
  title: string,
  ...content: (Node | string | false | null)[]
): HTMLElement {
  return el(
    "main",
    { class: "gate" },
    el("section", { class: "card" }, icon(name), el("h1", { tabindex: "-1" }, title), ...content),
  );
}

export class Gate {
  constructor(
    private readonly root: HTMLElement,
    private readonly onOpen: (pkg: OpenPackage) => Promise<void>,
  ) {}

  opening(): void {
    this.put(card("lock", t("app.title"), busy(t("app.loading"))));
  }

  ask(locked: Locked): void {
    const field = new CodeField({ passphrase: true, hint: t("unlock.hint") });
    const button = el("button", { type: "submit", class: "button primary" }, t("unlock.open"));
    const progress = el("div", { class: "gate-progress" });
    const form = el(
      "form",
      {
        novalidate: true,
        on: {
          submit: (event) => {
            event.preventDefault();
            if (!button.disabled && field.validate()) void this.unlock(locked, field, button, progress);
          },
        },
      },
      field.element,
      button,
      progress,
    );
    const offline = el("p", { class: "gate-foot" }, t("unlock.offline"));
    this.put(card("lock", t("unlock.title"), el("p", { class: "lead" }, t("unlock.lead")), form, offline));
    field.focus();
    window.setTimeout(warmDates);
  }

  needFile(accept: (file: File) => void): void {
    const input = el("input", {
      type: "file",
      class: "sr-only",
      id: "file-input",
      accept: ".html,.htm,text/html",
      on: {
        change: () => {
          const file = input.files?.[0];
          if (file !== undefined) take(file);
        },
      },
    });
    const label = el("label", { class: "button primary", for: "file-input" }, t("file.choose"));
    const own = decodeURIComponent(location.pathname.split("/").pop() ?? "");
    const message = el("p", { class: "field-state", role: "status" });
    const take = (file: File): void => {
      message.textContent = t("app.loading");
      accept(file);
    };
    this.put(
      card(
        "document",
        t("file.title"),
        el("p", { class: "lead" }, t("file.lead")),
        own !== "" && el("p", { class: "file-name" }, t("file.name", { name: own })),
        el("div", { class: "drop" }, input, label, el("span", {}, t("file.drop"))),
        message,
      ),
    );
    listenDrop(this.root, take);
    input.focus();
  }

  fail(error: unknown, retry: (() => void) | null = null): void {
    const again = retry ?? (() => location.reload());
    const details = el("details", {}, el("summary", {}, t("error.details")), el("p", {}, detailsOf(error)));
    this.put(
      card(
        "notes",
        t("error.title"),
        el("p", { class: "lead", role: "alert" }, wordsOf(error)),
        details,
        el("button", { type: "button", class: "button", on: { click: again } }, t("error.retry")),
      ),
    );
    this.root.querySelector("h1")?.focus();
  }

  private put(content: HTMLElement): void {
    this.root.className = "";
    fill(this.root, content);
  }

  private async unlock(
    locked: Locked,
    field: CodeField,
    button: HTMLButtonElement,
    progress: HTMLElement,
  ): Promise<void> {
    button.disabled = true;
    field.input.readOnly = true;
    fill(progress, busy(t("unlock.opening")));
    try {
      await this.onOpen(await locked.unlock(field.value));
    } catch (error) {
      button.disabled = false;
      field.input.readOnly = false;
      fill(progress);
      const code = error instanceof PackageError ? error.code : null;
      const mistyped = code === "code.invalid" && field.codeState === "mistyped";
      if (mistyped) field.fail(t("unlock.mistyped"));
      else if (code === "code.invalid" || code === "code.wrong") field.fail(t("unlock.wrong"));
      else this.fail(error, () => this.ask(locked));
    }
  }
}

export function busy(text: string): HTMLElement {
  return el(
    "p",
    { class: "busy", role: "status" },
    el("span", { class: "spinner", "aria-hidden": "true" }),
    text,
  );
}

function listenDrop(root: HTMLElement, take: (file: File) => void): void {
  const page = root.ownerDocument;
  const over = (event: DragEvent): void => {
    event.preventDefault();
    root.classList.add("dropping");
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    root.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) take(file);
  };
  page.addEventListener("dragover", over);
  page.addEventListener("dragleave", () => root.classList.remove("dropping"));
  page.addEventListener("drop", drop);
}
