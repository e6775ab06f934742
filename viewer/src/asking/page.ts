/** Three steps to ask for images: a code by mail, its six digits, the form. */
import type { Bytes } from "../base/bytes.ts";
import { NoX25519Error } from "../crypto/hpke.ts";
import { type Reader, ReaderKeyError, readKey, sealRequest } from "../crypto/sealed-request.ts";
import { ExchangeFailure } from "../recipient/api.ts";
import { Countdown, OtpField } from "../recipient/fields.ts";
import { t } from "../strings.ts";
import { busy, type Content, card, FieldForm, showCard } from "../ui/card.ts";
import { el, fill } from "../ui/dom.ts";
import type { IconName } from "../ui/icons.ts";
import type { Admitted, AskingApi } from "./api.ts";
import { AskForm } from "./form.ts";
import { say } from "./strings.ts";

const RESEND_S = 30;

export class AskingPage {
  private asked = 0;
  /** What was sealed last: sent again after a failure, it makes no second request. */
  private last:
    | { readonly text: string; readonly sealed: Bytes; readonly readers: readonly Reader[] }
    | undefined;

  constructor(
    private readonly root: HTMLElement,
    private readonly api: AskingApi,
  ) {}

  /** Before anything is asked for: neutral words only. */
  start(): void {
    const status = el("div", { class: "gate-progress" });
    const on = { click: () => void this.send(button, status) };
    const button = el("button", { type: "button", class: "button primary", on }, t("recipient.send"));
    const have = el(
      "button",
      { type: "button", class: "link", on: { click: () => this.askDigits() } },
      t("recipient.have"),
    );
    this.put(
      "mail",
      say("title"),
      el("p", { class: "lead" }, say("lead")),
      button,
      status,
      el("p", { class: "center" }, have),
      el("p", { class: "gate-foot" }, say("nothing")),
    );
    button.focus();
  }

  private async send(button: HTMLButtonElement, status: HTMLElement): Promise<void> {
    button.disabled = true;
    fill(status, busy(t("recipient.sending")));
    try {
      await this.api.requestCode();
      this.asked = Date.now();
      this.askDigits();
    } catch (error) {
      button.disabled = false;
      this.failed(error, status);
    }
  }

  private askDigits(message = ""): void {
    const form: FieldForm<OtpField> = new FieldForm(new OtpField(() => form.element.requestSubmit()), {
      button: t("recipient.verify"),
      onSubmit: (own) => this.verify(own),
    });
    const again = el("button", { type: "button", class: "link" }, t("recipient.resend"));
    const countdown = new Countdown(again, () => t("recipient.resend"));
    again.addEventListener("click", () => void this.resend(again, countdown, form));
    this.put(
      "mail",
      t("recipient.title2"),
      el("p", { class: "lead" }, message !== "" ? message : t("recipient.lead2")),
      form.element,
      el("p", { class: "center" }, again),
      el("p", { class: "gate-foot" }, say("nomail")),
    );
    countdown.start(Math.max(0, RESEND_S - Math.floor((Date.now() - this.asked) / 1000)));
    form.field.focus();
  }

  private async resend(
    button: HTMLButtonElement,
    countdown: Countdown,
    form: FieldForm<OtpField>,
  ): Promise<void> {
    button.disabled = true;
    try {
      await this.api.requestCode();
      this.asked = Date.now();
      form.field.clear();
      form.say(el("p", { class: "quiet" }, t("recipient.resent")));
      countdown.start(RESEND_S);
      form.field.focus();
    } catch (error) {
      button.disabled = false;
      this.failed(error, form.status);
    }
  }

  private async verify(form: FieldForm<OtpField>): Promise<void> {
    await form.during(
      t("recipient.verifying"),
      async () => this.fillIn(await this.api.verifyCode(form.field.value)),
      (error) => {
        if (error instanceof ExchangeFailure && error.kind === "wrong") form.field.fail(otpWords(error));
        else this.failed(error, form.status);
      },
    );
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
      this.askDigits(t("recipient.session"));
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

/** A wrong code, or none that could be right: nobody is told which. */
function otpWords({ triesLeft }: ExchangeFailure): string {
  const left = triesLeft;
  const tries = left === null ? "" : left === 0 ? t("recipient.otpnone") : t("recipient.tries", { n: left });
  return [t("recipient.otpwrong"), tries].filter(Boolean).join(" ");
}
