// The 12-field text of an audit log file: one database event as one line, and such files read back. Pure; knows neither
// ledger nor HTTP. Writing escapes what could forge a record (a deviation from the cloud's own files, in which text is
// raw); reading takes both forms, told apart record by record, so that what we wrote reads back exactly.
import { TaishiError } from "../errors.ts";
import { maxBlobBytes } from "../event/entry.ts";
import type { DatabaseEvent } from "../event/event.ts";
import type { DatabaseEventInput } from "../event/schema.ts";
import { formatSeconds, parseRfc3339 } from "../event/time.ts";

/** A record of a file: what a DatabaseEventInput has, except for the instance, which the file does not say. */
export type AuditRecord = Omit<DatabaseEventInput, "instance" | "time"> & { readonly time: number };

/** The longest record read: the longest statement an entry may hold, every character of it escaped, and its neighbours. */
export const maxRecordBytes = 2 * maxBlobBytes + 64 * 1024;

/**
 * One line, newline included. Times are cut to whole seconds; members that are absent are empty fields.
 * @returns e.g. `"1", "7", "0", "Query", "2024-09-04T00:57:27 UTC", "select", "SELECT 1", "root", "", "", "10.0.0.1", "db"\n`
 */
export function renderRecord(event: Omit<DatabaseEvent, "kind" | "instance" | "file">): string {
  const timestamp = `${formatSeconds(event.time).slice(0, -1)} UTC`;
  return (
    `${field(event.recordId)}, ${field(event.connectionId)}, ${field(event.status)}, ${field(event.name)}, ` +
    `"${timestamp}", ${field(event.commandClass)}, ${field(event.sql)}, ${field(event.user)}, ${field(event.host)}, ` +
    `${field(event.externalUser)}, ${field(event.ip)}, ${field(event.database)}\n`
  );
}

/** Bytes of a record's line. */
export function recordBytes(event: Omit<DatabaseEvent, "kind" | "instance" | "file">): number {
  return Buffer.byteLength(renderRecord(event));
}

function field(text: string | undefined): string {
  if (text === undefined || text === "") return '""';
  if (!/["\\\r\n]/.test(text)) return `"${text}"`;
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '""').replaceAll("\r", "\\r").replaceAll("\n", "\\n")}"`;
}

/**
 * The records of a file, in its order. A record begins where a line begins with five quoted fields of which the fifth is
 * a timestamp; until the next such line everything belongs to it. Bytes that are not UTF-8 are read as U+FFFD.
 * @param chunks the file's bytes, cut anywhere; at most `maxRecordBytes` and one chunk of them are held at a time
 * @throws TaishiError malformed-body naming the record (`index`, from 0), too-large where one is above the limit
 */
export async function* readRecords(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<AuditRecord> {
  const splitter = new RecordSplitter();
  let index = 0;
  for await (const chunk of chunks) {
    splitter.push(chunk);
    for (let text = splitter.next(false); text !== undefined; text = splitter.next(false))
      yield parseRecord(text, index++);
  }
  for (let text = splitter.next(true); text !== undefined; text = splitter.next(true)) yield parseRecord(text, index++);
}

/** Enough bytes to hold the first five fields of any record. */
const headBytes = 20 * 1024;
const head =
  /^"(?:[^"\r\n]|""){0,8192}", "(?:[^"\r\n]|""){0,8192}", "(?:[^"\r\n]|""){0,8192}", "(?:[^"\r\n]|""){0,8192}", "\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?: UTC|Z)?"/;
const newline = 0x0a;
const quote = 0x22;

/** Cuts bytes into the texts of records. */
class RecordSplitter {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  /** What is not given out yet lies between these; the first of it begins a record, once one was seen. */
  #start = 0;
  #end = 0;
  /** From here on no beginning of a record was looked for. */
  #scanned = 0;
  #begun = false;
  #given = 0;

  push(chunk: Uint8Array): void {
    const held = this.#end - this.#start;
    if (this.#end + chunk.length > this.#buffer.length) {
      const target =
        held + chunk.length > this.#buffer.length / 2
          ? Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, 2 * (held + chunk.length)))
          : this.#buffer;
      this.#buffer.copy(target, 0, this.#start, this.#end);
      this.#buffer = target;
      this.#scanned -= this.#start;
      this.#start = 0;
      this.#end = held;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next record's text without its newline, or undefined where more bytes are needed, or nothing is left.
   * @param last no more bytes will come
   */
  next(last: boolean): string | undefined {
    if (!this.#begun && !this.#begin(last)) return undefined;
    for (;;) {
      const found = this.#nextLine();
      if (found === undefined) break;
      const begins = this.#beginsRecord(found, last);
      if (begins === undefined) return this.#checkSize();
      this.#scanned = found;
      if (begins) return this.#take(found);
    }
    if (!last) return this.#checkSize();
    return this.#start === this.#end ? undefined : this.#take(this.#end);
  }

  /** Where the next line that begins with a quote begins. */
  #nextLine(): number | undefined {
    // The byte at #scanned itself was looked at: it is the record's own beginning, or was found to be none.
    for (let at = this.#scanned; ; ) {
      const found = this.#buffer.subarray(at, this.#end).indexOf(newline);
      if (found < 0) {
        this.#scanned = Math.max(this.#scanned, this.#end);
        return undefined;
      }
      const line = at + found + 1;
      if (line >= this.#end) {
        this.#scanned = line - 1;
        return undefined;
      }
      if (this.#buffer[line] === quote) return line;
      at = line;
      this.#scanned = line;
    }
  }

  /** Skips a byte order mark and empty lines before the first record. */
  #begin(last: boolean): boolean {
    if (!last && this.#end - this.#start < 3) return false;
    const bytes = this.#buffer;
    if (this.#start === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf && this.#end >= 3)
      this.#start = 3;
    while (this.#start < this.#end && (bytes[this.#start] === newline || bytes[this.#start] === 0x0d)) this.#start++;
    if (this.#start === this.#end) {
      this.#scanned = this.#start;
      return false;
    }
    const begins = this.#beginsRecord(this.#start, last);
    if (begins === undefined) return false;
    if (!begins) throw malformed(0, "does not begin with five quoted fields, the fifth a timestamp");
    this.#begun = true;
    this.#scanned = this.#start;
    return true;
  }

  /** Whether the line at this place begins a record; undefined where it is not whole enough to tell. */
  #beginsRecord(at: number, last: boolean): boolean | undefined {
    const limit = Math.min(this.#end, at + headBytes);
    const length = this.#buffer.subarray(at, limit).indexOf(newline);
    if (length < 0 && limit === this.#end && !last && limit < at + headBytes) return undefined;
    return head.test(this.#buffer.toString("latin1", at, length < 0 ? limit : at + length));
  }

  #take(end: number): string {
    let stop = end;
    while (stop > this.#start && (this.#buffer[stop - 1] === newline || this.#buffer[stop - 1] === 0x0d)) stop--;
    this.#refuseAbove(stop - this.#start);
    const text = this.#buffer.toString("utf8", this.#start, stop);
    this.#start = end;
    this.#scanned = end;
    this.#given++;
    return text;
  }

  #checkSize(): undefined {
    this.#refuseAbove(this.#end - this.#start);
  }

  #refuseAbove(bytes: number): void {
    if (bytes > maxRecordBytes)
      throw new TaishiError("too-large", `records[${this.#given}] is above ${maxRecordBytes} bytes`, {
        index: this.#given,
      });
  }
}

/**
 * The record that a text says, which may span lines.
 * @throws TaishiError malformed-body
 */
export function parseRecord(text: string, index = 0): AuditRecord {
  const fields = columns(strictFields(text) ?? looseFields(text) ?? []);
  if (fields === undefined) throw malformed(index, "has not the 12 quoted fields, nor the 10 of a connection");
  const escaped = isEscaped(text);
  const [recordId, connectionId, status, name, timestamp, commandClass, sql, user, host, externalUser, ip, database] =
    escaped ? fields.map(unescaped) : fields;
  const time = parseRfc3339(timestamp!.replace(/( UTC|Z)?$/, "Z"));
  if (time === undefined || time < 0) throw malformed(index, "has a timestamp that does not exist");
  const members = {
    recordId,
    connectionId,
    status,
    commandClass,
    sql,
    user,
    host,
    externalUser,
    ip,
    database,
  };
  const said = Object.entries(members).filter(([, value]) => value !== undefined && value !== "");
  return { kind: "database", name: name!, time, ...Object.fromEntries(said) };
}

/** Fields of a record whose quotes are doubled, or undefined where it is of another form. */
function strictFields(text: string): string[] | undefined {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    if (text[at] !== '"') return undefined;
    let end = text.indexOf('"', at + 1);
    while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
    if (end < 0) return undefined;
    fields.push(text.slice(at + 1, end).replaceAll('""', '"'));
    if (end + 1 === text.length) break;
    if (!text.startsWith(", ", end + 1)) return undefined;
    at = end + 3;
  }
  return fields.length >= 10 && fields.length <= 12 ? fields : undefined;
}

/** Fields of a record whose quotes are as they were: what is too much belongs to the statement. */
function looseFields(text: string): string[] | undefined {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return undefined;
  const parts = text.slice(1, -1).split('", "');
  if (parts.length < 10) return undefined;
  if (parts.length <= 12) return parts;
  return [...parts.slice(0, 6), parts.slice(6, -5).join('", "'), ...parts.slice(-5)];
}

/** Twelve fields; a connection's record may lack the command class and the statement. */
function columns(fields: readonly string[]): readonly string[] | undefined {
  if (fields.length === 12) return fields;
  if (fields.length === 11) return [...fields.slice(0, 6), "", ...fields.slice(6)];
  if (fields.length === 10) return [...fields.slice(0, 5), "", "", ...fields.slice(5)];
  return undefined;
}

/**
 * Whether a record is of the form we write: no raw line break, and every backslash begins an escape. A foreign record of
 * which this holds by chance is read as ours; written again it has the same bytes.
 */
function isEscaped(text: string): boolean {
  if (/[\r\n]/.test(text)) return false;
  for (let at = text.indexOf("\\"); at >= 0; at = text.indexOf("\\", at + 2)) {
    const next = text[at + 1];
    if (next !== "\\" && next !== "r" && next !== "n") return false;
  }
  return true;
}

function unescaped(text: string): string {
  return text.includes("\\")
    ? text.replace(/\\([\\rn])/g, (_, found: string) => (found === "r" ? "\r" : found === "n" ? "\n" : "\\"))
    : text;
}

function malformed(index: number, why: string): TaishiError {
  return new TaishiError("malformed-body", `records[${index}] ${why}`, { index });
}
