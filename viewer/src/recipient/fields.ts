/** The field for the six digits, and the button that counts down. */
import { t } from "../strings.ts";
import { el, setText, uniqueId } from "../ui/dom.ts";

const DIGITS = 6;

/** The digits of a pasted or typed text. */
export function digitsOf(text: string): string {
  return text.normalize("NFKC").replace(/\D/g, "").slice(0, DIGITS);
}

export class OtpField {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  private readonly state = el("p", { class: "field-state", "aria-live": "polite" });

  /** `onComplete` runs when the sixth digit is there. */
  constructor(private readonly onComplete: () => void) {
    const id = uniqueId("otp");
    this.state.id = `${id}-state`;
    this.input = el("input", {
      id,
      type: "text",
      class: "code-input otp-input",
      inputmode: "numeric",
      autocomplete: "one-time-code",
      maxlength: "20",
      placeholder: "\u2022\u2022\u2022\u2022\u2022\u2022",
      "aria-describedby": this.state.id,
      on: { input: () => this.changed() },
    });
    this.element = el(
      "div",
      { class: "field" },
      el("label", { for: id }, t("recipient.otp")),
      this.input,
      this.state,
    );
  }

  get value(): string {
    return digitsOf(this.input.value);
  }

  focus(): void {
    this.input.focus();
  }

  clear(): void {
    this.input.value = "";
    this.say("", false);
  }

  fail(text: string): void {
    this.say(text, true);
    this.input.select();
    this.focus();
  }

  validate(): boolean {
    if (this.value.length === DIGITS) return true;
    this.fail(t("recipient.otpformat"));
    return false;
  }

  private changed(): void {
    const digits = this.value;
    if (this.input.value !== digits) this.input.value = digits;
    this.say("", false);
    if (digits.length === DIGITS) this.onComplete();
  }

  private say(text: string, bad: boolean): void {
    setText(this.state, text);
    this.state.className = bad ? "field-state bad" : "field-state";
    if (bad) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }
}

/** Disables a button for some seconds and says how long. */
export class Countdown {
  private timer = 0;

  constructor(
    private readonly button: HTMLButtonElement,
    private readonly label: () => string,
  ) {}

  start(seconds: number): void {
    window.clearInterval(this.timer);
    const end = Date.now() + seconds * 1000;
    const tick = (): void => {
      const left = Math.ceil((end - Date.now()) / 1000);
      this.button.disabled = left > 0;
      setText(this.button, left > 0 ? t("recipient.wait", { s: left }) : this.label());
      if (left <= 0 || !this.button.isConnected) window.clearInterval(this.timer);
    };
    this.timer = window.setInterval(tick, 500);
    tick();
  }
}
