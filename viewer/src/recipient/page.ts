/** The three steps of a recipient: a code by mail, its six digits, the access code; then the viewer. */
import { deriveCode, openRange } from "../boot/index.ts";
import { PackageError } from "../package/types.ts";
import { type StringKey, t } from "../strings.ts";
import { busy, type Content, card, FieldForm, showCard } from "../ui/card.ts";
import { CodeField } from "../ui/code-field.ts";
import { openSheet } from "../ui/dialogs.ts";
import { el, fill } from "../ui/dom.ts";
import { wordsOf } from "../ui/errors.ts";
import { bytes } from "../ui/format.ts";
import type { IconName } from "../ui/icons.ts";
import { openViewer } from "../ui/open.ts";
import {
  ExchangeFailure,
  type FailureKind,
  type Opened,
  ownPath,
  type RecipientApi,
  type Verified,
} from "./api.ts";
import { MailboxSteps } from "./mailbox.ts";
import { watchAccess } from "./watch.ts";

const WORDS: Readonly<Record<FailureKind, StringKey>> = {
  offline: "recipient.offline",
  server: "recipient.server",
  wrong: "recipient.proofwrong",
  session: "recipient.session",
  gone: "recipient.gone",
  locked: "recipient.locked",
  rate: "recipient.rate",
  unsealed: "recipient.unsealed",
};

export class RecipientPage {
  private readonly mailbox: MailboxSteps<Verified>;

  constructor(
    private readonly root: HTMLElement,
    private readonly api: RecipientApi,
  ) {
    this.mailbox = new MailboxSteps({
      requestCode: () => api.requestCode(),
      verifyCode: (digits) => api.verifyCode(digits),
      // the session lives in memory only: closing the page ends it
      onVerified: (verified) => this.askAccess(verified),
      onFailed: (error, status) => this.failed(error, status),
      show: (step, title, ...content) => this.put("mail", title, step, ...content),
      words: {
        title: t("recipient.neutral"),
        lead: t("recipient.lead1"),
        foot: t("recipient.consume"),
        noMail: t("recipient.nomail"),
        // nobody is told whether there is a code, so the way out stands beside both
        wrong: t("recipient.otpask"),
      },
    });
  }

  start(): void {
    if (wasEnded()) this.end("gone");
    else this.mailbox.askMail();
  }

  private askAccess(verified: Verified): void {
    const form = new FieldForm(new CodeField({ passphrase: false, hint: t("recipient.lead3") }), {
      button: t("unlock.open"),
      onSubmit: (own) => this.open(verified, own),
    });
    const sender = [verified.organisation, verified.sender_name].filter(Boolean).join(", ");
    this.put(
      "lock",
      t("recipient.title3"),
      3,
      el("p", { class: "from" }, el("bdi", {}, t("recipient.from", { sender }))),
      form.element,
      el("p", { class: "gate-foot" }, t("recipient.privacy")),
    );
    form.field.focus();
  }

  private async open(verified: Verified, form: FieldForm<CodeField>): Promise<void> {
    await form.during(
      t("unlock.opening"),
      async () => {
        const secret = await deriveCode(form.field.value, verified.kdf);
        const opened = await this.api.open(verified.session, secret.proof);
        form.say(busy(t("recipient.loading")));
        const access = { url: ownPath(opened.content.url, location.href), token: opened.content.token };
        const pkg = await openRange({
          ...access,
          slot: opened.slot,
          packageId: opened.package_id,
          secret,
        });
        await openViewer(this.root, pkg, { copy: () => offerCopy(opened) });
        watchAccess(access, leave);
      },
      (error) => this.openFailed(error, form),
    );
  }

  private openFailed(error: unknown, { field, status }: FieldForm<CodeField>): void {
    if (error instanceof PackageError && (error.code === "code.invalid" || error.code === "code.wrong")) {
      field.fail(wordsOf(error));
    } else if (error instanceof ExchangeFailure && error.kind === "wrong") {
      field.fail(t("recipient.proofwrong"));
      fill(status, el("p", { class: "tries", role: "alert" }, accessTries(error.triesLeft)));
    } else if (error instanceof ExchangeFailure && error.kind === "session") {
      this.mailbox.askDigits(t("recipient.session"));
    } else this.failed(error, status);
  }

  /** Final states replace the page; others are said where the person is. */
  private failed(error: unknown, status: HTMLElement): void {
    if (error instanceof ExchangeFailure && (error.kind === "locked" || error.kind === "gone")) {
      this.end(error.kind);
      return;
    }
    const words = error instanceof ExchangeFailure ? t(WORDS[error.kind]) : wordsOf(error);
    fill(status, el("p", { class: "field-state bad", role: "alert" }, words));
  }

  private end(kind: "locked" | "gone"): void {
    const words = el("p", { class: "lead", role: "alert" }, t(WORDS[kind]));
    this.put("notes", t(`recipient.${kind}.title`), null, words);
    this.root.querySelector("h1")?.focus();
  }

  private put(name: IconName, title: string, step: 1 | 2 | 3 | null, ...content: Content[]): void {
    showCard(this.root, card(name, title, step !== null && steps(step), ...content));
  }
}

/** Loads the page anew: no image stays in memory, and the new page says why. */
function leave(): void {
  history.replaceState({ ended: true }, "");
  location.reload();
}

function wasEnded(): boolean {
  const { ended } = (history.state ?? {}) as { ended?: boolean };
  history.replaceState(null, "");
  return ended === true;
}

function steps(current: 1 | 2 | 3): HTMLElement {
  const names: readonly StringKey[] = ["step.mail", "step.digits", "step.access"];
  return el(
    "ol",
    { class: "steps", "aria-label": t("recipient.steps", { n: current }) },
    ...names.map((name, i) =>
      el(
        "li",
        {
          class: i + 1 < current ? "done" : "",
          "aria-current": i + 1 === current ? "step" : undefined,
        },
        t(name),
      ),
    ),
  );
}

function accessTries(left: number | null): string {
  if (left === null) return "";
  return left === 1 ? t("recipient.try1") : t("recipient.tries", { n: left });
}

function offerCopy(opened: Opened): void {
  const link = el(
    "a",
    {
      class: "button primary",
      href: ownPath(opened.copy.url, location.href),
      download: "",
      rel: "noreferrer",
    },
    t("copy.save"),
  );
  const sheet = openSheet(
    t("copy.title"),
    el("p", {}, t("copy.lead", { size: bytes(opened.size) })),
    el(
      "p",
      { class: "row" },
      link,
      el("button", { type: "button", class: "button", on: { click: () => sheet.close() } }, t("copy.cancel")),
    ),
  );
  link.addEventListener("click", () => window.setTimeout(() => sheet.close(), 300));
}
