// An entry: the canonical JSON that becomes a leaf. Owns its form (format version 1) and the 65,535-byte limit that the
// C2SP entry bundle sets. See docs/ledger-format.md. An entry's text is
//   {"event":{…},"parser":{…}?,"position":{…}?,"raw":"…"?,"rawBase64":"…"?,"received":ms,"salt":"…"?,"v":1}
// Everything up to `received` (the head) is made on the thread that parsed the request; the writer adds the rest.
import { hash } from "node:crypto";
import { TaishiError } from "../errors.ts";
import { canonicalJson } from "./canonical.ts";
import type { Event } from "./event.ts";

export const maxEntryBytes = 65_535;
/** Above this no blob is stored: an append is refused with 413. */
export const maxBlobBytes = 16 * 1024 * 1024;
/** `,"received":` + 15 digits + `,"salt":"` + 24 + `"` + `,"v":1}`, rounded up. */
const tailReserve = 80;

/** Where an event came from a source: the record as received, who parsed it, and where it stood. */
export interface SourceRecord {
  readonly raw?: string;
  readonly rawBase64?: string;
  readonly parser?: { readonly name: string; readonly version: string };
  readonly position?: Position;
}

/**
 * Where an event stands at its source. Within a stream offsets grow; the ledger keeps the highest of each stream for ever, and
 * an event at or below it is there already (I8).
 */
export interface Position {
  /** Who collected it: an agent's name and its source's, e.g. "node-1/auth". */
  readonly source: string;
  /** One content: a file by what it begins with, a listener since it was set up. */
  readonly stream: string;
  readonly offset: number;
}

/** A long string that left its entry: its UTF-8 bytes, stored once under their SHA-256. */
export interface Blob {
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** What stands in an entry where a long string was. */
export interface BlobReference {
  readonly $sha256: string;
  readonly size: number;
}

/** An entry as read back. */
export interface Entry {
  readonly event: Event;
  readonly parser?: NonNullable<SourceRecord["parser"]>;
  readonly position?: Position;
  readonly raw?: string;
  readonly rawBase64?: string;
  readonly received: number;
  readonly salt?: string;
  readonly v: 1;
}

/**
 * The head of an entry: its canonical text up to, not including, `,"received":`. Where the whole would exceed the limit
 * the longest strings, raw first, are replaced by references and returned as blobs.
 * @throws TaishiError too-large where a string is above 16 MiB or the entry cannot be made to fit
 */
export function entryHead(event: Event, record?: SourceRecord): { head: string; blobs: readonly Blob[] } {
  // readEvent makes security events with their members in canonical order, so stringify is RFC 8785 for them at a third
  // of the cost; a test holds the two equal.
  const text = event.kind === "security" ? JSON.stringify(event) : canonicalJson(event);
  const head = record === undefined ? `{"event":${text}` : `{"event":${text},${canonicalJson(record).slice(1, -1)}`;
  // A UTF-16 unit is at most three bytes: most entries need not be measured.
  if (head.length * 3 + tailReserve <= maxEntryBytes || Buffer.byteLength(head) + tailReserve <= maxEntryBytes)
    return { head, blobs: [] };
  return shrink(event, record);
}

/** The text that follows a head. */
export function entryTail(received: number, salt?: string): string {
  return salt === undefined ? `,"received":${received},"v":1}` : `,"received":${received},"salt":"${salt}","v":1}`;
}

/** Free text only: what an event is found by stays in place, so that the index reads it without looking for blobs. */
const movableMembers: readonly string[] = ["value", "detail", "sql", "raw", "rawBase64"];

type Members = Record<string, unknown>;

function shrink(event: Event, record: SourceRecord | undefined): { head: string; blobs: readonly Blob[] } {
  const whole: Members = structuredClone(record === undefined ? { event } : { event, ...record }) as Members;
  const strings: { holder: Members; key: string; bytes: number; raw: boolean }[] = [];
  const walk = (holder: Members): void => {
    for (const [key, value] of Object.entries(holder)) {
      if (typeof value === "string")
        strings.push({
          holder,
          key,
          bytes: Buffer.byteLength(value),
          raw: holder === whole && (key === "raw" || key === "rawBase64"),
        });
      else if (typeof value === "object" && value !== null) walk(value as Members);
    }
  };
  walk(whole);
  const movable = strings.filter(({ key, bytes }) => bytes > 128 && movableMembers.includes(key));
  movable.sort((a, b) => Number(b.raw) - Number(a.raw) || b.bytes - a.bytes);
  const blobs: Blob[] = [];
  for (const { holder, key, bytes: size } of movable) {
    if (size > maxBlobBytes)
      throw new TaishiError("too-large", `a string of ${size} bytes is above the limit of ${maxBlobBytes}`);
    const bytes = Buffer.from(holder[key] as string);
    const digest = hash("sha256", bytes, "hex");
    blobs.push({ digest, bytes });
    holder[key] = { $sha256: digest, size } satisfies BlobReference;
    const head = canonicalJson(whole).slice(0, -1);
    if (Buffer.byteLength(head) + tailReserve <= maxEntryBytes) return { head, blobs };
  }
  throw new TaishiError(
    "too-large",
    "the event does not fit an entry of 65,535 bytes even with its long strings apart",
  );
}

/** An entry from its bytes, blob references still in place. */
export function parseEntry(bytes: Uint8Array): Entry {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")) as Entry;
}

/** Digests of the blobs an entry refers to, in the order they stand. */
export function blobReferences(entry: unknown): readonly BlobReference[] {
  const found: BlobReference[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (isReference(value)) found.push(value);
    else for (const item of Object.values(value)) walk(item);
  };
  walk(entry);
  return found;
}

/** Whether an entry, or a bundle of them, may refer to blobs; told by what stands in every reference, and in some texts too. */
export function mayHaveBlobs({ buffer, byteOffset, byteLength }: Uint8Array): boolean {
  return Buffer.from(buffer, byteOffset, byteLength).includes('"$sha256"');
}

/** The entry with every reference replaced by the string it stands for. */
export function restoreBlobs(entry: Entry, read: (digest: string) => Uint8Array): Entry {
  const restore = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (isReference(value)) return Buffer.from(read(value.$sha256)).toString("utf8");
    if (Array.isArray(value)) return value.map(restore);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restore(item)]));
  };
  return restore(entry) as Entry;
}

function isReference(value: object): value is BlobReference {
  return "$sha256" in value && "size" in value && Object.keys(value).length === 2;
}
