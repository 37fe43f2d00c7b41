// Objects out of a file that is one JSON array, an object a line or spread over lines: cut where their braces close,
// reading each line once. Text within strings is never mistaken for braces; a string never goes over a line.

/** Deeper than this nothing is nested in an audit log. */
const deepest = 32;

/** What a line did: objects that it closed, whether one is still open, or that it belongs to none. */
export type LineRead =
  | { readonly state: "open" | "closed"; readonly objects: readonly string[] }
  | { readonly state: "broken"; readonly objects: readonly string[] };

/** Between the objects of the array. */
const between = /[\s,[\]]*/y;
const interesting = /["{}[\]]/g;

export class JsonObjects {
  /** Of the object that is open: its lines so far, and the brackets that are. */
  #lines: string[] = [];
  #brackets: string[] = [];

  get isOpen(): boolean {
    return this.#brackets.length > 0;
  }

  /** Whether a line cannot go on with the open object: within an object a value follows its name on the same line. */
  isRestart(line: string): boolean {
    return this.#brackets.at(-1) === "{" && /^\s*\{/.test(line);
  }

  /** After "broken" nothing is open. */
  push(line: string): LineRead {
    const objects: string[] = [];
    let from = 0;
    for (let at = 0; ; ) {
      if (!this.isOpen) {
        between.lastIndex = at;
        at += between.exec(line)![0].length;
        if (at === line.length) return { state: "closed", objects };
        if (line[at] !== "{") return { state: "broken", objects };
        from = at;
        this.#brackets.push("{");
        at++;
      }
      at = this.#inside(line, at);
      if (at === -1) {
        this.reset();
        return { state: "broken", objects };
      }
      if (this.isOpen) {
        this.#lines.push(line.slice(from));
        return { state: "open", objects };
      }
      this.#lines.push(line.slice(from, at));
      objects.push(this.#lines.join("\n"));
      this.#lines = [];
    }
  }

  reset(): void {
    this.#lines = [];
    this.#brackets = [];
  }

  /** Where the object closes, or the line ends; -1 where its brackets or strings do not match. */
  #inside(line: string, from: number): number {
    for (let at = from; ; ) {
      interesting.lastIndex = at;
      const found = interesting.exec(line);
      if (found === null) return line.length;
      at = found.index + 1;
      if (found[0] === '"') {
        at = afterString(line, at);
        if (at === 0) return -1;
      } else if (found[0] === "{" || found[0] === "[") {
        if (this.#brackets.length === deepest) return -1;
        this.#brackets.push(found[0]);
      } else {
        if (this.#brackets.pop() !== (found[0] === "}" ? "{" : "[")) return -1;
        if (!this.isOpen) return at;
      }
    }
  }
}

/** The place after the quote that closes a string; 0 where there is none. */
function afterString(line: string, from: number): number {
  for (let quote = line.indexOf('"', from); quote !== -1; quote = line.indexOf('"', quote + 1)) {
    let first = quote;
    while (first > from && line[first - 1] === "\\") first--;
    if ((quote - first) % 2 === 0) return quote + 1;
  }
  return 0;
}
