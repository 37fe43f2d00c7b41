// Records of quoted, separated fields that may span lines: read line by line, without reading a line twice. Strict: a quote
// stands only around a field or doubled within one, so that text within quotes can never look like fields.

export interface CsvField {
  readonly text: string;
  readonly quoted: boolean;
}

/** `open`: a quoted field goes on in the next line. `broken`: no record begins so. */
export type CsvState = "open" | "whole" | "broken";

/** No log has so many columns: a line of nothing but separators is given up early. */
const mostFields = 64;

/** One record. */
export class CsvRecord {
  readonly #separator: string;
  readonly #fields: CsvField[] = [];
  /** Of a quoted field, what was read of it. */
  #pieces: string[] = [];
  #state: CsvState = "whole";
  #break = "\n";

  constructor(separator: "," | ", ") {
    this.#separator = separator;
  }

  get state(): CsvState {
    return this.#state;
  }

  get fields(): readonly CsvField[] {
    return this.#fields;
  }

  /** Takes the first line, or after "open" the next. @param crlf how its own end is to be written where it goes on */
  push(line: string, crlf = false): CsvState {
    let at = 0;
    const lineBreak = this.#break;
    this.#break = crlf ? "\r\n" : "\n";
    if (this.#state === "open") {
      this.#pieces.push(lineBreak);
      at = this.#quoted(line, 0);
    } else at = this.#field(line, 0);
    while (at >= 0 && at < line.length) {
      if (!line.startsWith(this.#separator, at) || this.#fields.length === mostFields) return this.#is("broken");
      at = this.#field(line, at + this.#separator.length);
    }
    return at === broken ? this.#is("broken") : this.#is(at === open ? "open" : "whole");
  }

  #is(state: CsvState): CsvState {
    this.#state = state;
    return state;
  }

  /** Where the field ends that begins here. */
  #field(line: string, at: number): number {
    if (line[at] === '"') return this.#quoted(line, at + 1);
    const found = line.indexOf(this.#separator, at);
    const end = found === -1 ? line.length : found;
    const text = line.slice(at, end);
    if (text.includes('"')) return broken;
    this.#fields.push({ text, quoted: false });
    return end;
  }

  /** Where the quoted field ends of which the text goes on here. */
  #quoted(line: string, from: number): number {
    for (let at = from; ; ) {
      const quote = line.indexOf('"', at);
      if (quote === -1) {
        this.#pieces.push(line.slice(at));
        return open;
      }
      this.#pieces.push(line.slice(at, quote));
      if (line[quote + 1] !== '"') {
        this.#fields.push({ text: this.#pieces.join(""), quoted: true });
        this.#pieces = [];
        return quote + 1;
      }
      this.#pieces.push('"');
      at = quote + 2;
    }
  }
}

const open = -1;
const broken = -2;

/** The fields of a text that may hold line breaks; undefined where it is no whole record. */
export function csvFields(text: string): readonly CsvField[] | undefined {
  const record = new CsvRecord(",");
  return record.push(text) === "whole" ? record.fields : undefined;
}
