// The parameters of a call as its record keeps them: JSON text without secrets, cut to a bound. Pure. Errs on the side of
// removing: whatever is named like a secret goes, whatever it holds. An entry cannot be taken back.

/** Bytes of UTF-8 that are kept. */
export const longestParameters = 4096;
const removed = "***";
/** Names of what is secret with everything in it. */
const secret = /token|secret|credential|signature|authorization|private|passcode|^(?:sk|ak_?sk)$/i;
/** Names of what is secret but for the `user` in it: a login's body has an object of this name, which says who asks. */
const password = /passw|pwd|passphrase/i;

/** @param parameters nested at most 64 deep @returns undefined where there is nothing to tell */
export function recordedParameters(parameters: Readonly<Record<string, unknown>>): string | undefined {
  if (Object.keys(parameters).length === 0) return undefined;
  return cut(JSON.stringify(clean(parameters, "")).toWellFormed(), longestParameters);
}

function clean(value: unknown, name: string): unknown {
  if (secret.test(name)) return removed;
  const hides = password.test(name);
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.fromEntries(
      Object.entries(value).map(([member, item]) => [
        member,
        hides && !(member === "user" && typeof item === "object") ? removed : clean(item, member),
      ]),
    );
  if (hides) return removed;
  return Array.isArray(value) ? value.map((item) => clean(item, "")) : value;
}

/** To a number of bytes of UTF-8, never in the middle of a character. */
function cut(text: string, bytes: number): string {
  const all = Buffer.from(text, "utf8");
  if (all.length <= bytes) return text;
  let end = bytes;
  while (end > 0 && (all[end]! & 0xc0) === 0x80) end--;
  return all.subarray(0, end).toString("utf8");
}
