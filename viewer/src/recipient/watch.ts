/** Asks again and again whether the exchange still gives the package: an open viewer ends when it does not. */

/** A sender who revokes is promised that open viewers stop within a minute. */
export const ASK_EVERY_MS = 20_000;
const REFUSED: ReadonlySet<number> = new Set([401, 403, 404, 410]);

export interface Access {
  readonly url: string;
  readonly token: string;
}

/** Whether the exchange has said no; an exchange that does not answer has said nothing. */
export async function isRefused({ url, token }: Access, ask: typeof fetch = fetch): Promise<boolean> {
  try {
    const answer = await ask(url, {
      method: "HEAD",
      headers: { Authorization: `Bearer ${token}` },
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
    });
    return REFUSED.has(answer.status);
  } catch {
    return false;
  }
}

/** Calls `ended` once, when the exchange no longer gives the package. */
export function watchAccess(
  access: Access,
  ended: () => void,
  every = ASK_EVERY_MS,
  ask: typeof fetch = fetch,
): void {
  const timer = setInterval(() => {
    void isRefused(access, ask).then((refused) => {
      if (!refused) return;
      clearInterval(timer);
      ended();
    });
  }, every);
}
