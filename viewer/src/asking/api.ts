/** The exchange's answers to somebody who was invited to ask: same origin, no cookies, nothing stored. */
import type { Bytes } from "../base/bytes.ts";
import { failureOf, fetchAnswer } from "../recipient/api.ts";

export interface Admitted {
  readonly session: string;
  readonly organisation: string;
  readonly email: string;
  readonly keys: readonly { readonly public_key: string }[];
  readonly max_form: number;
}

/** Calls below `/q/{token}`. */
export class AskingApi {
  constructor(private readonly base: string) {}

  async requestCode(): Promise<void> {
    await this.post("otp", "{}");
  }

  async verifyCode(code: string): Promise<Admitted> {
    return (await this.post("otp:verify", JSON.stringify({ code }))) as Admitted;
  }

  /** The id of the request; the same bytes again give the same one. */
  async send(session: string, sealed: Bytes): Promise<string> {
    const headers = { "Content-Type": "application/octet-stream", Authorization: `Bearer ${session}` };
    const answer = (await this.post("request", sealed, headers)) as { readonly request_id: string };
    return answer.request_id;
  }

  private async post(
    path: string,
    body: Bytes | string,
    headers: Readonly<Record<string, string>> = { "Content-Type": "application/json" },
  ): Promise<unknown> {
    const { ok, status, answer } = await fetchAnswer(`${this.base}/${path}`, body, headers);
    if (ok) return answer;
    throw failureOf(status, answer);
  }
}
