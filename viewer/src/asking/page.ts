/** Three steps to ask for images: a code by mail, its six digits, the form. */
import type { Bytes } from "../base/bytes.ts";
import { NoX25519Error } from "../crypto/hpke.ts";
import { type Reader, ReaderKeyError, readKey, sealRequest } from "../crypto/sealed-request.ts";
import { ExchangeFailure } from "../recipient/api.ts";
import { MailboxSteps } from "../recipient/mailbox.ts";
import { t } from "../strings.ts";
import { busy, type Content, card, showCard } from "../ui/card.ts";
import { el, fill } from "../ui/dom.ts";
import type { IconName } from "../ui/icons.ts";
import type { Admitted, AskingApi } from "./api.ts";
import { AskForm } from "./form.ts";
import { say } from "./strings.ts";

export class AskingPage {
  private readonly mailbox: MailboxSteps<Admitted>;
  /** What was sealed last: sent again after a failure, it makes no second request. */
  private last:
    | { readonly text: string; readonly sealed: Bytes; readonly readers: readonly Reader[] }
    | undefined;

  constructor(
    private readonly root: HTMLElement,
    private readonly api: AskingApi,
  ) {
    this.mailbox = new MailboxSteps({
      requestCode: () => api.requestCode(),
      verifyCode: (digits) => api.verifyCode(digits),
      onVerified: (admitted) => this.fillIn(admitted),
      onFailed: (error, status) => this.failed(error, status),
      show: (_, title, ...content) => this.put("mail", title, ...content),
      words: {
        title: say("title"),
        lead: say("lead"),
        foot: say("nothing"),
        noMail: say("nomail"),
        wrong: "",
      },
    });
  }

  start(): void {
    this.mailbox.askMail();
  }

  private fillIn(admitted: Admitted): void {
    const form = new AskForm(admitted, (own) => this.ask(admitted, own));
    this.put(
      "lock",
      say("formTitle"),
      el("p", { class: "from" }, el("bdi", {}, say("to", { organisation: admitted.organisation }))),
      el("p", { class: "lead" }, say("formLead", { organisation: admitted.organisation })),
      form.element,
    );
    this.root.querySelector(".card")?.classList.add("wide");
    form.focus();
  }

  private async ask(admitted: Admitted, form: AskForm): Promise<void> {
    const filled = await form.read();
    if (filled === undefined) return;
    form.lock(true);
    fill(form.status, busy(say("sealing")));
    try {
      const text = JSON.stringify({ ...(filled.document as object), made: "" });
      if (this.last?.text !== text) {
        const readers = await Promise.all(admitted.keys.map((key) => readKey(key.public_key)));
        if (readers.length === 0) throw new NobodyError();
        const where = { to: admitted.organisation, purpose: filled.purpose, readers };
        this.last = { text, sealed: await sealRequest(filled.document, filled.form, where), readers };
      }
      const { sealed, readers } = this.last;
      this.done(admitted, await this.api.send(admitted.session, sealed), readers);
    } catch (error) {
      form.lock(false);
      this.failed(error, form.status);
    }
  }

  private done(admitted: Admitted, id: string, readers: readonly Reader[]): void {
    const { organisation } = admitted;
    this.put(
      "mail",
      say("doneTitle"),
      el("p", { class: "lead" }, say("doneLead", { organisation })),
      el("p", { class: "from mono" }, say("reference", { id })),
      el(
        "details",
        {},
        el("summary", {}, say("keys", { n: readers.length })),
        el("p", {}, say("keysLead")),
        ...readers.map((reader) =>
          el("p", { class: "mono" }, reader.fingerprint.replace(/(.{4})/g, "$1 ").trim()),
        ),
      ),
      el("p", { class: "gate-foot" }, say("doneFoot")),
    );
    this.root.querySelector("h1")?.focus();
  }

  /** Final states replace the page; others are said where the person is. */
  private failed(error: unknown, status: HTMLElement): void {
    if (error instanceof ExchangeFailure && error.kind === "gone") {
      this.put("notes", say("usedTitle"), el("p", { class: "lead", role: "alert" }, say("usedLead")));
      this.root.querySelector("h1")?.focus();
    } else if (error instanceof ExchangeFailure && error.kind === "session") {
      this.mailbox.askDigits(t("recipient.session"));
    } else fill(status, el("p", { class: "field-state bad", role: "alert" }, wordsOf(error)));
  }

  private put(name: IconName, title: string, ...content: Content[]): void {
    showCard(this.root, card(name, title, ...content));
  }
}

class NobodyError extends Error {}

function wordsOf(error: unknown): string {
  if (error instanceof NoX25519Error) return say("old");
  if (error instanceof ReaderKeyError) return say("badKey");
  if (error instanceof NobodyError) return say("nobody");
  if (error instanceof ExchangeFailure && error.kind === "offline") return t("recipient.offline");
  if (error instanceof ExchangeFailure && error.kind === "rate") return t("recipient.rate");
  return t("recipient.server");
}
