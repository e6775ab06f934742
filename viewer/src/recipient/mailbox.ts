/** The steps that prove a mailbox, the same on every page that begins with them: a code by mail, its six digits. */
import { t } from "../strings.ts";
import { busy, type Content, FieldForm } from "../ui/card.ts";
import { el, fill } from "../ui/dom.ts";
import { ExchangeFailure } from "./api.ts";
import { Countdown, OtpField } from "./fields.ts";

const RESEND_S = 30;

export interface MailboxOptions<Session> {
  readonly requestCode: () => Promise<void>;
  readonly verifyCode: (digits: string) => Promise<Session>;
  /** What the page does with a proven mailbox. */
  readonly onVerified: (session: Session) => void;
  readonly onFailed: (error: unknown, status: HTMLElement) => void;
  /** Puts a step on the page. */
  readonly show: (step: 1 | 2, title: string, ...content: Content[]) => void;
  readonly words: {
    readonly title: string;
    readonly lead: string;
    readonly foot: string;
    /** Beside the digits: what if no mail came. */
    readonly noMail: string;
    /** Behind a wrong code. */
    readonly wrong: string;
  };
}

export class MailboxSteps<Session> {
  private asked = 0;

  constructor(private readonly options: MailboxOptions<Session>) {}

  /** Before anything is asked for: neutral words only. */
  askMail(): void {
    const { words, show } = this.options;
    const status = el("div", { class: "gate-progress" });
    const on = { click: () => void this.send(send, status) };
    const send = el("button", { type: "button", class: "button primary", on }, t("recipient.send"));
    const have = el(
      "button",
      { type: "button", class: "link", on: { click: () => this.askDigits() } },
      t("recipient.have"),
    );
    show(
      1,
      words.title,
      el("p", { class: "lead" }, words.lead),
      send,
      status,
      el("p", { class: "center" }, have),
      el("p", { class: "gate-foot" }, words.foot),
    );
    send.focus();
  }

  askDigits(message = t("recipient.lead2")): void {
    const form: FieldForm<OtpField> = new FieldForm(new OtpField(() => form.element.requestSubmit()), {
      button: t("recipient.verify"),
      onSubmit: (own) => this.verify(own),
    });
    const again = el("button", { type: "button", class: "link" }, t("recipient.resend"));
    const countdown = new Countdown(again, () => t("recipient.resend"));
    again.addEventListener("click", () => void this.resend(again, countdown, form));
    this.options.show(
      2,
      t("recipient.title2"),
      el("p", { class: "lead" }, message),
      form.element,
      el("p", { class: "center" }, again),
      el("p", { class: "gate-foot" }, this.options.words.noMail),
    );
    countdown.start(Math.max(0, RESEND_S - Math.floor((Date.now() - this.asked) / 1000)));
    form.field.focus();
  }

  private async send(button: HTMLButtonElement, status: HTMLElement): Promise<void> {
    button.disabled = true;
    fill(status, busy(t("recipient.sending")));
    try {
      await this.requestCode();
      this.askDigits();
    } catch (error) {
      button.disabled = false;
      this.options.onFailed(error, status);
    }
  }

  private async requestCode(): Promise<void> {
    await this.options.requestCode();
    this.asked = Date.now();
  }

  private async resend(
    button: HTMLButtonElement,
    countdown: Countdown,
    form: FieldForm<OtpField>,
  ): Promise<void> {
    button.disabled = true;
    try {
      await this.requestCode();
      form.field.clear();
      form.say(el("p", { class: "quiet" }, t("recipient.resent")));
      countdown.start(RESEND_S);
      form.field.focus();
    } catch (error) {
      button.disabled = false;
      this.options.onFailed(error, form.status);
    }
  }

  private async verify(form: FieldForm<OtpField>): Promise<void> {
    await form.during(
      t("recipient.verifying"),
      async () => this.options.onVerified(await this.options.verifyCode(form.field.value)),
      (error) => {
        if (error instanceof ExchangeFailure && error.kind === "wrong")
          form.field.fail(this.wrongWords(error.triesLeft));
        else this.options.onFailed(error, form.status);
      },
    );
  }

  /** A wrong code, or none that could be right: nobody is told which. */
  private wrongWords(left: number | null): string {
    const tries =
      left === null ? "" : left === 0 ? t("recipient.otpnone") : t("recipient.tries", { n: left });
    return [t("recipient.otpwrong"), tries, this.options.words.wrong].filter(Boolean).join(" ");
  }
}
