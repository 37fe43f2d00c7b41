// Canonical JSON by RFC 8785 (JCS): the exact bytes a leaf is made of (I3). JavaScript's own number and string forms are
// the ones RFC 8785 prescribes, so only the order of members and the refusal of what JSON cannot hold are ours.

/**
 * The canonical text of a JSON value. Members are sorted by UTF-16 code units.
 * @throws TypeError on a lone surrogate, a non-finite number, undefined or nesting deeper than 64.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > maxDepth) throw new TypeError(`nested deeper than ${maxDepth}`);
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError("a number that JSON cannot hold");
    return JSON.stringify(value);
  }
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new TypeError("a lone surrogate");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(",")}]`;
  if (typeof value !== "object") throw new TypeError(`a value of type ${typeof value}`);
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, item]) => `${canonicalJson(key, depth + 1)}:${canonicalJson(item, depth + 1)}`);
  return `{${members.join(",")}}`;
}

/**
 * Whether JSON text is the canonical text of the value parsed from it.
 * @throws TypeError as canonicalJson
 */
export function isCanonical(text: string, value: unknown): boolean {
  // JSON.stringify says the same, in a third of the time, where members are in order and no surrogate is alone.
  if (!text.includes("\\ud") && hasSortedMembers(value, 0) && JSON.stringify(value) === text) return true;
  return canonicalJson(value) === text;
}

function hasSortedMembers(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth > maxDepth) return false;
  if (Array.isArray(value)) return value.every((item) => hasSortedMembers(item, depth + 1));
  let before: string | undefined;
  for (const key of Object.keys(value)) {
    if (before !== undefined && before >= key) return false;
    before = key;
    if (!hasSortedMembers((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

/** The deepest nesting anything we accept may have. */
export const maxDepth = 64;

/**
 * Whether JSON text nests deeper than `limit`, told by one pass over its bytes without building anything: asked before
 * a body of free form is handed to anything recursive.
 */
export function nestsDeeperThan(bytes: Uint8Array, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > limit) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}
