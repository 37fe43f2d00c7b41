// journald's cursors: "s=…;i=…;b=…". s names a sequence of entries and i, hexadecimal, is an entry's number in it; the two
// say which entry it is, and are its position: they are the same whenever and by whomever it is read. Pure.

export interface EntryPlace {
  readonly sequence: string;
  readonly number: number;
}

/** Numbers at or above are no journald's; a stream's offsets are below. */
const numbersBelow = 2 ** 40;

export function placeOf(cursor: string | undefined): EntryPlace | undefined {
  const match = /^s=([0-9a-f]{1,64});i=([0-9a-f]{1,10})(?:;|$)/.exec(cursor ?? "");
  if (match === null) return undefined;
  const number = Number.parseInt(match[2]!, 16);
  return number < numbersBelow ? { sequence: match[1]!, number } : undefined;
}

export function isSameEntry(a: string | undefined, b: string | undefined): boolean {
  const [one, other] = [placeOf(a), placeOf(b)];
  return one !== undefined && one.sequence === other?.sequence && one.number === other.number;
}

/**
 * The cursor of an entry as `journalctl -o json` writes it. Its members come in any order, and no quote within a string
 * stands without a backslash: the name cannot be in a message. Entries that were cut are no JSON.
 */
export function cursorIn(line: string): string | undefined {
  return /(?<!\\)"__CURSOR"\s*:\s*"([^"\\]{1,512})"/.exec(line)?.[1];
}
