/** Before anything is decrypted: the access code, the file once more, or what went wrong. No patient data here. */
import { type Locked, type OpenPackage, PackageError } from "../package/types.ts";
import { t } from "../strings.ts";
import { busy, card, FieldForm, showCard } from "./card.ts";
import { CodeField } from "./code-field.ts";
import { el } from "./dom.ts";
import { detailsOf, wordsOf } from "./errors.ts";
import { warmDates } from "./format.ts";

export class Gate {
  constructor(
    private readonly root: HTMLElement,
    private readonly onOpen: (pkg: OpenPackage) => Promise<void>,
  ) {}

  opening(): void {
    showCard(this.root, card("lock", t("app.title"), busy(t("app.loading"))));
  }

  ask(locked: Locked): void {
    const form = new FieldForm(new CodeField({ passphrase: true, hint: t("unlock.hint") }), {
      button: t("unlock.open"),
      onSubmit: (own) => this.unlock(locked, own),
    });
    const lead = el("p", { class: "lead" }, t("unlock.lead"));
    const offline = el("p", { class: "gate-foot" }, t("unlock.offline"));
    showCard(this.root, card("lock", t("unlock.title"), lead, form.element, offline));
    // with the next frame, which lays out the page anyway
    requestAnimationFrame(() => form.field.focus());
    // while a person types; a code that is there at once comes first
    window.setTimeout(warmDates, 40);
  }

  needFile(accept: (file: File) => void): void {
    const message = el("p", { class: "field-state", role: "status" });
    const take = (file: File | undefined): void => {
      if (file === undefined) return;
      message.textContent = t("app.loading");
      accept(file);
    };
    const input = el("input", {
      type: "file",
      class: "sr-only",
      id: "file-input",
      accept: ".html,.htm,text/html",
      on: { change: () => take(input.files?.[0]) },
    });
    const label = el("label", { class: "button primary", for: "file-input" }, t("file.choose"));
    const own = decodeURIComponent(location.pathname.split("/").pop() ?? "");
    showCard(
      this.root,
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
    const lead = el("p", { class: "lead", role: "alert" }, wordsOf(error));
    const button = el("button", { type: "button", class: "button", on: { click: again } }, t("error.retry"));
    // another try meets the same version and the same slots
    const hopeless = error instanceof PackageError && ["package.version", "slot.none"].includes(error.code);
    showCard(this.root, card("notes", t("error.title"), lead, details, !hopeless && button), true);
  }

  private async unlock(locked: Locked, form: FieldForm<CodeField>): Promise<void> {
    const { field } = form;
    await form.during(
      t("unlock.opening"),
      async () => this.onOpen(await locked.unlock(field.value)),
      (error) => {
        const code = error instanceof PackageError ? error.code : null;
        const mistyped = code === "code.invalid" && field.codeState === "mistyped";
        if (mistyped) field.fail(t("unlock.mistyped"));
        else if (code === "code.invalid" || code === "code.wrong") field.fail(t("unlock.wrong"));
        else this.fail(error, () => this.ask(locked));
      },
    );
  }
}

function listenDrop(root: HTMLElement, take: (file: File | undefined) => void): void {
  const page = root.ownerDocument;
  page.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("dropping");
  });
  page.addEventListener("dragleave", () => root.classList.remove("dropping"));
  page.addEventListener("drop", (event) => {
    event.preventDefault();
    root.classList.remove("dropping");
    // not over an open package: it would be asked for its code anew
    if (root.querySelector(".gate") !== null) take(event.dataTransfer?.files[0]);
  });
}
