// What files are called when they are rotated away: NAME.1, NAME-20261121.gz, NAME.2026-11-21T10, NAME.old, and with the
// ending kept last, as lumberjack and logrotate's `extension` do: STEM-2026-11-21T10-00-00.000.ENDING, STEM.1.ENDING. Names
// only say where to look and what is older; which content it is, its bytes say.

export type Compression = "gzip" | "zstd";

const readable = new Map<string, Compression>([
  ["gz", "gzip"],
  ["zst", "zstd"],
]);
const compressed = /\.(gz|zst|xz|bz2|lz4|Z)$/;
const counter = /^(\d[\dT:Z+._-]*|old|bak)$/;
const unfinished = /\.(?:part|tmp|temp|swp|lock|new|crdownload)$|~$/;
const separators = /[._-]/g;

/** @returns undefined where the file is not compressed, null where it is and cannot be read */
export function compressionOf(name: string): Compression | null | undefined {
  const [, ending] = compressed.exec(name) ?? [];
  return ending === undefined ? undefined : (readable.get(ending) ?? null);
}

/** Whether somebody is still making it, by its name. */
export function isUnfinished(name: string): boolean {
  return unfinished.test(name);
}

export interface LiveName {
  readonly name: string;
  /** What the rotation put in: "1", "2026-11-21T10-00-00.000", "" where it was only compressed. */
  readonly counter: string;
  /** Many a live file is called so, too: STEM.1.ENDING. */
  readonly weak: boolean;
}

/** Every name that this can be a rotated one of; which of them is there decides. */
export function liveNamesOf(name: string): readonly LiveName[] {
  const plain = name.replace(compressed, "");
  const found: LiveName[] = [];
  if (plain !== name && plain !== "") found.push({ name: plain, counter: "", weak: false });
  for (const [live, rest] of splits(plain))
    if (counter.test(rest)) found.push({ name: live, counter: rest, weak: false });
  const [, stem, ending] = /^(.+)(\.[A-Za-z]\w*)$/.exec(plain) ?? [];
  if (stem === undefined) return found;
  for (const [live, rest] of splits(stem)) {
    const dated = rest.replace(/\D/g, "").length >= 8;
    const numbered = /^\d{1,3}$/.test(rest) && stem[live.length] === ".";
    if (counter.test(rest) && (dated || numbered)) found.push({ name: live + ending, counter: rest, weak: !dated });
  }
  return found;
}

function splits(text: string): readonly (readonly [string, string])[] {
  return [...text.matchAll(separators)]
    .filter(({ index }) => index > 0)
    .map(({ index }) => [text.slice(0, index), text.slice(index + 1)] as const);
}

export interface Rotated {
  readonly path: string;
  readonly counter: string;
  /** When it was last changed, nanoseconds. */
  readonly changed: bigint;
}

/**
 * Oldest first. By their dates where all have one; by their numbers where all have one; else by when they were last changed:
 * tools that compress do not always keep that. The highest number is the oldest, unless the files say that it is the newest.
 */
export function oldestFirst<File extends Rotated>(files: readonly File[]): readonly File[] {
  const digits = ({ counter: text }: Rotated): string => text.replace(/\D/g, "");
  const byName = (a: Rotated, b: Rotated): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
  if (files.every(({ counter: text }) => /^\d{1,5}$/.test(text))) {
    const falling = files.toSorted((a, b) => Number(b.counter) - Number(a.counter) || byName(a, b));
    return countsUp(falling) ? falling.reverse() : falling;
  }
  if (files.every((file) => digits(file).length >= 8))
    return files.toSorted((a, b) => compareDates(digits(a), digits(b)) || byName(a, b));
  return files.toSorted((a, b) => (a.changed < b.changed ? -1 : a.changed > b.changed ? 1 : byName(a, b)));
}

/** Tools that compress set times in whole seconds, some of them. */
const timeGrain = 1_000_000_000n;

/**
 * Whether most neighbours tell that the higher number is the newer one. What was compressed after a plain file was last
 * changed tells nothing: it may have got its time by that.
 */
function countsUp(falling: readonly Rotated[]): boolean {
  const isPlain = ({ path }: Rotated): boolean => compressionOf(path) === undefined;
  const isNewer = (a: Rotated, b: Rotated): boolean => {
    if (isPlain(a) && isPlain(b)) return a.changed > b.changed;
    return a.changed > b.changed + timeGrain && (isPlain(a) || !isPlain(b));
  };
  let votes = 0;
  for (const [i, low] of falling.entries()) {
    const high = falling[i - 1];
    if (high === undefined || high.counter === low.counter) continue;
    if (isNewer(high, low)) votes++;
    else if (isNewer(low, high)) votes--;
  }
  return votes > 0;
}

/** 20261121 is before 2026112110: what is less exact is of the beginning. */
function compareDates(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
