// log_line_prefix, turned into the reading of a line of PostgreSQL's log on stderr. The names in a prefix are not quoted,
// and clients choose some of them: a line whose names could be something else is not read.
import { TaishiError } from "../../errors.ts";

/** What the escapes of a prefix say; by their letters. */
export type PrefixFields = Readonly<Partial<Record<string, string>>>;

export interface PrefixedLine {
  readonly fields: PrefixFields;
  /** "LOG", "ERROR", … or "DETAIL", "STATEMENT", …: what such a line goes with stands before it. */
  readonly label: string;
  readonly text: string;
}

const name = "[^\\n]{0,63}?";
const stamp = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d";
const patterns: Readonly<Record<string, string>> = {
  a: name,
  b: "[\\w .-]{0,100}?",
  c: "[0-9a-f]+\\.[0-9a-f]+",
  d: name,
  e: "[0-9A-Z]{5}",
  h: "\\S{0,300}?",
  i: "[A-Za-z ]{0,40}?",
  l: "\\d+",
  L: "\\S{0,300}?",
  m: `${stamp}\\.\\d{3} \\S+?`,
  n: "\\d+\\.\\d{3}",
  p: "\\d*",
  P: "\\d*",
  Q: "-?\\d+",
  r: "\\S{0,300}?",
  s: `${stamp} \\S+?`,
  t: `${stamp} \\S+?`,
  u: name,
  v: "(?:-?\\d+/\\d+)?",
  x: "\\d+",
};

const labels =
  "DEBUG[1-5]?|INFO|NOTICE|WARNING|LOG|ERROR|FATAL|PANIC|DETAIL|HINT|QUERY|CONTEXT|LOCATION|BACKTRACE|STATEMENT";
const anyLabel = new RegExp(`(?:${labels}):  `, "g");
/** Beyond this no other end of a prefix is looked for: its names have at most 63 characters each. */
const longestPrefix = 512;

export class LinePrefix {
  readonly #line: RegExp;
  readonly #whole: RegExp;
  readonly #letters: readonly string[];
  readonly #hasNames: boolean;

  /** @param prefix as log_line_prefix has it @throws TaishiError invalid-parameter */
  constructor(prefix: string) {
    const letters: string[] = [];
    let pattern = "";
    let optional = false;
    for (const [part, padding, letter] of prefix.matchAll(/%(-?\d+)?([A-Za-z%])|[^%]+|%/g)) {
      if (letter === undefined) {
        if (part === "%") throw refusal("it ends with %, or % stands before no letter");
        pattern += part.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
      } else if (letter === "%") pattern += "%";
      else if (letter === "q") {
        if (!optional) pattern += "(?:";
        optional = true;
      } else {
        if (!Object.hasOwn(patterns, letter)) throw refusal(`%${letter} is not known`);
        if (letters.includes(letter)) pattern += `(?:${patterns[letter]})`;
        else {
          letters.push(letter);
          pattern += padding === undefined ? `(${patterns[letter]})` : ` *(${patterns[letter]}) *`;
        }
      }
    }
    if (optional) pattern += ")?";
    if (!["m", "t", "n"].some((letter) => letters.includes(letter))) throw refusal("it has none of %m, %t and %n");
    this.#line = new RegExp(`^${pattern}(${labels}):  `);
    this.#whole = new RegExp(`^${pattern}$`);
    this.#letters = letters;
    this.#hasNames = ["a", "d", "u"].some((letter) => letters.includes(letter));
  }

  /** @returns "ambiguous" where a name may reach into the text; undefined where the line begins with no such prefix */
  read(line: string): PrefixedLine | "ambiguous" | undefined {
    const match = this.#line.exec(line);
    if (match === null) return undefined;
    const label = match[this.#letters.length + 1]!;
    if (this.#hasNames && this.#endsLater(line, match[0].length)) return "ambiguous";
    const fields: Record<string, string> = {};
    for (const [at, letter] of this.#letters.entries()) {
      const value = match[at + 1];
      if (value !== undefined && value !== "" && value !== "[unknown]") fields[letter] = value;
    }
    return { fields, label, text: line.slice(match[0].length) };
  }

  /** Whether with other names the prefix would end further on. */
  #endsLater(line: string, from: number): boolean {
    const start = line.slice(0, longestPrefix);
    anyLabel.lastIndex = from;
    for (let next = anyLabel.exec(start); next !== null; next = anyLabel.exec(start))
      if (this.#whole.test(start.slice(0, next.index))) return true;
    return false;
  }
}

function refusal(why: string): TaishiError {
  return new TaishiError("invalid-parameter", `prefix: ${why}`, { field: "prefix" });
}
