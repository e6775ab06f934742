/** Text of unknown encoding, as plain characters. */

/** UTF-8 or UTF-16 by mark, UTF-8 where valid, else Windows-1252. Control characters become blanks. */
export function decodeText(bytes: Uint8Array): string {
  return (
    decode(bytes)
      .replace(/\r\n?/g, "\n")
      // Direction overrides could make a text read differently from what it is.
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g, " ")
  );
}

function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}
