// What every source must hold, tested over its payloads and over damaged copies of them. A payload is a file of records,
// payloads/NAME.log, one a line; beside it NAME.events.json has the outcomes they must become, and NAME.options.json the
// source's options where they are not the defaults.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Value } from "typebox/value";
import { isParsed, type Outcome, type Parser, type RawRecord, type Source } from "./source.ts";

/** When payloads are read: what years and zones are missing is taken from it. */
export const readAt = Date.UTC(2026, 10, 21, 12);

export interface Payload {
  readonly name: string;
  readonly records: readonly RawRecord[];
  readonly options: unknown;
  readonly events: unknown;
}

/** @param folder of the source; its payloads in order of their names */
export function payloadsOf(source: Source, folder: string): readonly Payload[] {
  const names = readdirSync(`${folder}/payloads`).filter((name) => name.endsWith(".log"));
  assert.ok(names.length > 0, `${source.name} has payloads`);
  return names.sort().map((file) => {
    const path = `${folder}/payloads/${file.slice(0, -".log".length)}`;
    const read = (ending: string): unknown =>
      existsSync(path + ending) ? JSON.parse(readFileSync(path + ending, "utf8")) : undefined;
    return {
      name: file,
      records: recordsOf(readFileSync(`${path}.log`)),
      options: optionsOf(source, read(".options.json")),
      events: read(".events.json"),
    };
  });
}

/** The options with their defaults; they must fit the schema. */
export function optionsOf(source: Source, given: unknown = {}): unknown {
  const options = Value.Default(source.options, structuredClone(given));
  assert.ok(Value.Check(source.options, options), `options of ${source.name}: ${JSON.stringify(given)}`);
  return options;
}

/** Lines as the agent cuts them: at LF, without a CR before it. */
export function recordsOf(bytes: Buffer, read = readAt): readonly RawRecord[] {
  const records: RawRecord[] = [];
  for (let from = 0; from < bytes.length; ) {
    const lf = bytes.indexOf(10, from);
    const end = lf === -1 ? bytes.length : lf;
    const crlf = end > from && bytes[end - 1] === 13;
    const record = recordOf(bytes.subarray(from, crlf ? end - 1 : end), read);
    records.push(crlf ? { ...record, crlf } : record);
    from = end + 1;
  }
  return records;
}

export function recordOf(bytes: Buffer, read = readAt): RawRecord {
  const text = bytes.toString("utf8");
  return Buffer.from(text).equals(bytes) ? { text, read } : { text, bytes, read };
}

function newParser(source: Source, options: unknown): Parser {
  return source.parser(options as never);
}

export function outcomesOf(source: Source, options: unknown, records: readonly RawRecord[]): readonly Outcome[] {
  const parser = newParser(source, options);
  return [...records.flatMap((record) => parser.take(record)), ...parser.end()];
}

/** An outcome as it stands in a payload's events: without the records' bytes, times of reading and absent members. */
export function shown(outcome: Outcome): unknown {
  const { records, ...rest } = outcome;
  return JSON.parse(JSON.stringify({ ...rest, records: records.map(({ text }) => text) }));
}

/** The whole contract, as tests. @param folder of the source */
export function testSource(source: Source, folder: string): void {
  const payloads = payloadsOf(source, folder);
  for (const { name, records, options, events } of payloads) {
    test(`${source.name}: ${name} becomes its events`, () => {
      const outcomes = outcomesOf(source, options, records);
      assert.deepEqual(outcomes.map(shown), events);
    });
    test(`${source.name}: every record of ${name} is told, and a parser that stopped anywhere goes on`, () => {
      const whole = outcomesOf(source, options, records);
      everyRecordIsTold(records, whole);
      for (let stop = 0; stop <= records.length; stop++) {
        const before = newParser(source, options);
        const first = records.slice(0, stop).flatMap((record) => before.take(record));
        const after = newParser(source, options);
        for (const record of before.waiting()) after.take(record);
        const rest = records.slice(stop).flatMap((record) => after.take(record));
        assert.deepEqual([...first, ...rest, ...after.end()].map(shown), whole.map(shown), `stopped after ${stop}`);
      }
    });
  }
  test(`${source.name}: damaged records make no crash, lose nothing and invent nothing`, () => {
    fuzz(source, payloads, { inputs: 20_000, seed: 1 });
  });
}

function everyRecordIsTold(records: readonly RawRecord[], outcomes: readonly Outcome[]): void {
  const told = new Set(outcomes.flatMap((outcome) => outcome.records));
  const untold = records.filter((record) => !told.has(record));
  assert.deepEqual(
    untold.map(({ text }) => text),
    [],
    "records that no outcome tells",
  );
}

/** What became of a fuzz's records. */
export interface FuzzCounts {
  readonly inputs: number;
  readonly events: number;
  readonly unparsed: number;
}

/**
 * Gives damaged payloads to the source: `inputs` records or a few more, in runs of a few, each run to a parser of its own.
 * @throws AssertionError naming the seed where a record is lost, a text of an event is in none of its records, or a record
 *   takes longer than it may
 */
export function fuzz(
  source: Source,
  payloads: readonly Payload[],
  { inputs, seed }: { readonly inputs: number; readonly seed: number },
): FuzzCounts {
  const random = mulberry32(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const vocabulary = vocabularyOf(source, payloads);
  let [done, events, unparsed] = [0, 0, 0];
  while (done < inputs) {
    const { records, options } = pick(payloads);
    const start = Math.floor(random() * records.length);
    const run = records
      .slice(start, start + 1 + Math.floor(random() * 8))
      .map((record) => recordOf(damage(Buffer.from(record.bytes ?? record.text), random, payloads)));
    const began = process.hrtime.bigint();
    const outcomes = outcomesOf(source, options, run);
    const tookMs = Number(process.hrtime.bigint() - began) / 1e6;
    assert.ok(tookMs < 2_000, `seed ${seed}: ${run.length} records took ${tookMs} ms`);
    everyRecordIsTold(run, outcomes);
    for (const outcome of outcomes) inventsNothing(outcome, vocabulary, seed);
    done += run.length;
    const parsed = outcomes.filter(isParsed).length;
    events += parsed;
    unparsed += outcomes.length - parsed;
  }
  return { inputs: done, events, unparsed };
}

/** Words that the source writes itself: those of its payloads' drafts that stand in none of their records. */
function vocabularyOf(source: Source, payloads: readonly Payload[]): ReadonlySet<string> {
  const own = new Set<string>();
  for (const { records, options } of payloads)
    for (const outcome of outcomesOf(source, options, records)) {
      const words = wordsIn(outcome);
      for (const word of isParsed(outcome) ? textsOf(outcome.draft).flatMap(wordsOf) : [])
        if (!words.has(word) && !/^\d+$/.test(word)) own.add(word);
    }
  return own;
}

/** Every word of a draft's texts is in one of its records, plain or decoded, or is one of the source's own words. */
function inventsNothing(outcome: Outcome, vocabulary: ReadonlySet<string>, seed: number): void {
  if (!isParsed(outcome)) return;
  const words = wordsIn(outcome);
  const all = spoken(outcome).join("\n");
  for (const text of textsOf(outcome.draft))
    for (const word of isAddress(text) ? [] : wordsOf(text))
      assert.ok(
        words.has(word) || vocabulary.has(word) || all.includes(word) || isTime(word) || isInTwo(word, words, all),
        `seed ${seed}: "${word}" of ${JSON.stringify(text)} is in no record: ${JSON.stringify(all).slice(0, 2000)}`,
      );
}

/** Where an origin cuts long texts, a word may stand in the records in two parts, each a word of its own there. */
function isInTwo(word: string, words: ReadonlySet<string>, all: string): boolean {
  const stands = (part: string): boolean => (part.length < 3 ? all.includes(part) : words.has(part));
  for (let cut = 1; cut < word.length; cut++) if (stands(word.slice(0, cut)) && stands(word.slice(cut))) return true;
  return false;
}

/** Times are put together anew, and numbers are written in decimal: they are held by the golden events instead. */
function isTime(word: string): boolean {
  return /^\d+$/.test(word) || /^\d{4}-?\d\d-?\d\d(T\d+)?/.test(word) || /^\d\d(?:T\d\d|Z)$/.test(word);
}

/** Of IPv6, which is written anew from its bytes. */
function isAddress(text: string): boolean {
  return /^[0-9a-f:.]*:[0-9a-f:.]*$/.test(text);
}

function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === "kind" || key === "type" || key === "time" || (key === "key" && typeof item === "string")
      ? []
      : textsOf(item),
  );
}

function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{N}_]{3,}/gu) ?? [];
}

/** The texts of an outcome's records; and of a container's lines that were written in parts, the whole. */
function spoken({ records }: Outcome): readonly string[] {
  const texts = records.map(({ text }) => text);
  const parts = texts.map((text) => /^\S+ std(?:out|err) [FP]\S* (.*)$/s.exec(text)?.[1]);
  return parts.length > 1 && !parts.includes(undefined) ? [...texts, parts.join("")] : texts;
}

/** The words of an outcome's records, and of what these say in JSON, in hexadecimal, in URLs and with escapes. */
function wordsIn(outcome: Outcome): ReadonlySet<string> {
  const words = new Set<string>();
  const add = (text: string): void => {
    for (const word of wordsOf(text)) words.add(word);
  };
  for (const text of spoken(outcome)) {
    add(text);
    add(text.replace(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
    add(text.replace(/\\[nrtfb0]/g, " ").replace(/\\(.)/g, "$1"));
    add(text.replaceAll('""', '"'));
    add(
      text
        .replaceAll("+", " ")
        .replace(/(?:%[0-9a-fA-F]{2})+/g, (hex) => Buffer.from(hex.replaceAll("%", ""), "hex").toString("utf8")),
    );
    for (const hex of text.match(/(?:[0-9a-fA-F]{2}){3,}/g) ?? []) {
      add(Buffer.from(hex, "hex").toString("utf8").replaceAll("\0", " "));
      add(Buffer.from(hex.slice(1), "hex").toString("utf8").replaceAll("\0", " "));
    }
    for (const bytes of text.match(/\[(?:[\d.]+,\s*)*[\d.]+\]/g) ?? [])
      add(Buffer.from(bytes.slice(1, -1).split(",").map(Number)).toString("utf8"));
    const json = parsed(text);
    if (json !== undefined) for (const inner of textsOf(json)) add(inner);
  }
  return words;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // most records are no JSON
  }
}

const awkward = [
  "\0",
  "\x1b[2J",
  "\u202e",
  "é",
  "😀",
  "'",
  '"',
  "\\",
  ",",
  "\\n",
  " from 1.2.3.4 port 22 ssh2",
  "sshd[1]: Accepted password for root from 6.6.6.6 port 6 ssh2",
  "9007199254740993",
  "-1",
  "1e999",
  "{}",
  "[[[[[[",
  "null",
  "0001-01-01T00:00:00Z",
  "2026-02-30T25:61:61Z",
  "A".repeat(5000),
].map((text) => Buffer.from(text));
const invalid = Buffer.from([0xff, 0xfe, 0xc3]);

const literal = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|\b(?:true|false|null)\b/g;
const otherValues = ["null", "true", "{}", "[]", "-1", "0", "1e999", "9007199254740993", '""', '[{"a":[null]}]'];

/** Other values where quoted texts and numbers stood: a record that is still whole, and means something else. */
function exchange(text: string, random: () => number, payloads: readonly Payload[]): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  let out = text;
  for (let times = Math.floor(random() * 4); times >= 0; times--) {
    const found = [...out.matchAll(literal)];
    if (found.length === 0) return out;
    const { 0: old, index } = pick(found);
    const strange = [...pick(pick(payloads).records).text.matchAll(literal)].map(([value]) => value);
    const instead = pick([...otherValues, JSON.stringify(String(pick(awkward))), ...strange]);
    out = out.slice(0, index) + instead + out.slice(index + old.length);
  }
  return out;
}

function damage(bytes: Buffer, random: () => number, payloads: readonly Payload[]): Buffer {
  if (random() < 0.3) return withoutLineFeeds(Buffer.from(exchange(bytes.toString("utf8"), random, payloads)));
  let out = Buffer.from(bytes);
  const at = (): number => Math.floor(random() * (out.length + 1));
  for (let times = Math.floor(random() * 4); times >= 0; times--) {
    const [from, to] = [at(), at()].sort((a, b) => a - b) as [number, number];
    const way = Math.floor(random() * 7);
    if (way === 0) out = out.subarray(0, from);
    else if (way === 1) out = Buffer.concat([out.subarray(0, from), out.subarray(to)]);
    else if (way === 2) out = Buffer.concat([out.subarray(0, to), out.subarray(from)]);
    else if (way === 3 && out.length > 0) out[Math.min(from, out.length - 1)] = Math.floor(random() * 256);
    else if (way === 4) {
      const thing = random() < 0.1 ? invalid : awkward[Math.floor(random() * awkward.length)]!;
      out = Buffer.concat([out.subarray(0, from), thing, out.subarray(random() < 0.5 ? from : to)]);
    } else if (way === 5) {
      const { records } = payloads[Math.floor(random() * payloads.length)]!;
      const other = Buffer.from(records[Math.floor(random() * records.length)]!.text);
      out = Buffer.concat([out.subarray(0, from), other.subarray(Math.floor(random() * other.length))]);
    }
  }
  return withoutLineFeeds(out);
}

/** A record has none in it. */
function withoutLineFeeds(bytes: Buffer): Buffer {
  return Buffer.from(bytes.map((byte) => (byte === 10 ? 32 : byte)));
}

function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
