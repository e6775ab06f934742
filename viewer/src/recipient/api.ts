/** The exchange's answers to a recipient (docs/exchange): same origin, no cookies, nothing stored. */
import type { CodeSlot } from "../package/types.ts";

export interface Verified {
  readonly session: string;
  readonly organisation: string;
  readonly sender_name: string;
  readonly kdf: CodeSlot["kdf"];
  readonly expires: string;
  readonly package: { readonly size: number };
}

export interface Opened {
  readonly package_id: string;
  readonly size: number;
  readonly slot: CodeSlot;
  readonly content: { readonly url: string; readonly token: string };
  readonly copy: { readonly url: string };
}

export type FailureKind =
  | "offline"
  | "server"
  | "wrong"
  | "session"
  | "gone"
  | "locked"
  | "rate"
  | "unsealed";

/** An answer that is not the wanted one. */
export class ExchangeFailure extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly triesLeft: number | null = null,
  ) {
    super(message);
    this.name = "ExchangeFailure";
  }
}

interface ErrorBody {
  readonly error?: { readonly id?: string; readonly message?: string };
  readonly tries_left?: number;
}

const TIMEOUT_MS = 30_000;

/** Calls below `/r/{token}`. */
export class RecipientApi {
  constructor(private readonly base: string) {}

  async requestCode(): Promise<void> {
    await this.post("otp", {});
  }

  async verifyCode(code: string): Promise<Verified> {
    return (await this.post("otp:verify", { code })) as Verified;
  }

  async open(session: string, proof: string): Promise<Opened> {
    return (await this.post("open", { session, proof })) as Opened;
  }

  private async post(path: string, body: unknown): Promise<unknown> {
    const headers = { "Content-Type": "application/json" };
    const { ok, status, answer } = await fetchAnswer(`${this.base}/${path}`, JSON.stringify(body), headers);
    if (ok) return answer;
    throw failureOf(status, answer);
  }
}

/** One POST to this origin, and whatever came back. */
export async function fetchAnswer(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly ok: boolean; readonly status: number; readonly answer: ErrorBody }> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers,
      body,
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new ExchangeFailure("offline", error instanceof Error ? error.message : "");
  }
  const answer = (await response.json().catch(() => ({}))) as ErrorBody;
  return { ok: response.ok, status: response.status, answer };
}

/** What an error status means to a recipient. */
export function failureOf(status: number, body: ErrorBody): ExchangeFailure {
  const message = body.error?.message ?? `HTTP ${status}`;
  const left = typeof body.tries_left === "number" ? body.tries_left : null;
  switch (status) {
    case 400:
    case 403:
    case 404:
    case 422:
      return new ExchangeFailure("wrong", message, left);
    case 401:
      return new ExchangeFailure("session", message);
    case 409:
      return new ExchangeFailure("unsealed", message);
    case 410:
      return new ExchangeFailure(body.error?.id === "share.locked" ? "locked" : "gone", message);
    case 429:
      return new ExchangeFailure("rate", message);
    default:
      return new ExchangeFailure("server", message);
  }
}

/** The address as a path of this origin: nothing else may be contacted. */
export function ownPath(url: string, base: string): string {
  const { pathname, search } = new URL(url, base);
  return pathname + search;
}
