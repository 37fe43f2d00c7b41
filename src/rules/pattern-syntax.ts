// Reads a regular expression into a tree: the part of JavaScript's syntax (with its `u` flag) that can be matched in time
// linear in the text. Refused are backreferences and lookaround, which cannot. Pure; knows nothing of matching.

/** Whether a code point belongs. */
export type CharacterTest = (codePoint: number) => boolean;

export type Node =
  | { readonly kind: "character"; readonly test: CharacterTest }
  | { readonly kind: "assertion"; readonly what: Assertion }
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "choice"; readonly items: readonly Node[] }
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number; readonly lazy: boolean }
  | { readonly kind: "group"; readonly node: Node; readonly number: number };

export type Assertion = "start" | "end" | "word-boundary" | "no-word-boundary";

export interface Syntax {
  readonly node: Node;
  /** Capturing groups, numbered from 1. */
  readonly groups: number;
  readonly names: ReadonlyMap<string, number>;
}

const deepest = 50;
const mostRepeats = 1_000;

/** @throws SyntaxError saying what is wrong and at which character, from 1 */
export function parsePattern(text: string): Syntax {
  return new PatternReader(text).read();
}

export function isWord(codePoint: number): boolean {
  return (
    (codePoint >= 48 && codePoint <= 57) ||
    (codePoint >= 65 && codePoint <= 90) ||
    (codePoint >= 97 && codePoint <= 122) ||
    codePoint === 95
  );
}

const isDigit: CharacterTest = (c) => c >= 48 && c <= 57;
// White space and line terminators of ECMAScript.
const spaces = new Set(
  [..."\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"].map((space) => space.codePointAt(0)!),
);
const isSpace: CharacterTest = (c) => spaces.has(c) || (c >= 0x2000 && c <= 0x200a);
const isLineEnd: CharacterTest = (c) => c === 10 || c === 13 || c === 0x2028 || c === 0x2029;
const not =
  (test: CharacterTest): CharacterTest =>
  (c) =>
    !test(c);

const classes: Readonly<Record<string, CharacterTest>> = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
};
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, 0: 0 };

class PatternReader {
  readonly #characters: readonly string[];
  readonly #names = new Map<string, number>();
  #at = 0;
  #groups = 0;
  #ignoreCase = false;

  constructor(text: string) {
    this.#characters = [...text];
  }

  read(): Syntax {
    if (this.#take("(?i)")) this.#ignoreCase = true;
    const node = this.#choice(0);
    if (this.#at < this.#characters.length) throw this.#wrong("an unmatched )");
    return { node, groups: this.#groups, names: this.#names };
  }

  #choice(depth: number): Node {
    if (depth > deepest) throw this.#wrong(`groups nested deeper than ${deepest}`);
    const items = [this.#sequence(depth)];
    while (this.#take("|")) items.push(this.#sequence(depth));
    return items.length === 1 ? items[0]! : { kind: "choice", items };
  }

  #sequence(depth: number): Node {
    const items: Node[] = [];
    while (this.#at < this.#characters.length && this.#next() !== "|" && this.#next() !== ")")
      items.push(this.#repeated(this.#atom(depth)));
    return { kind: "sequence", items };
  }

  #atom(depth: number): Node {
    const start = this.#at;
    const character = this.#characters[this.#at++]!;
    if (character === "^") return { kind: "assertion", what: "start" };
    if (character === "$") return { kind: "assertion", what: "end" };
    if (character === ".") return { kind: "character", test: not(isLineEnd) };
    if (character === "[") return this.#class();
    if (character === "(") return this.#group(depth, start);
    if (character === "\\") {
      if (this.#take("b")) return { kind: "assertion", what: "word-boundary" };
      if (this.#take("B")) return { kind: "assertion", what: "no-word-boundary" };
      const escaped = this.#escape();
      return typeof escaped === "number" ? this.#character(escaped) : { kind: "character", test: escaped };
    }
    if ("*+?{}]".includes(character)) throw this.#wrong(`a ${character} that repeats or closes nothing`, start);
    return this.#character(character.codePointAt(0)!);
  }

  #group(depth: number, start: number): Node {
    let number: number | undefined;
    if (this.#take("?")) {
      if (!this.#take(":")) {
        if (this.#take("=") || this.#take("!") || this.#take("<=") || this.#take("<!"))
          throw this.#wrong("lookaround, which is not offered", start);
        if (!this.#take("<")) throw this.#wrong("(? without :, or <name>; (?i) stands at the very beginning", start);
        let name = "";
        while (this.#at < this.#characters.length && this.#next() !== ">") name += this.#characters[this.#at++]!;
        if (!this.#take(">") || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
          throw this.#wrong("a group's name that is not of letters, digits and _", start);
        if (this.#names.has(name)) throw this.#wrong(`two groups named ${name}`, start);
        number = ++this.#groups;
        this.#names.set(name, number);
      }
    } else number = ++this.#groups;
    const node = this.#choice(depth + 1);
    if (!this.#take(")")) throw this.#wrong("a group that is not closed", start);
    return number === undefined ? node : { kind: "group", node, number };
  }

  #repeated(node: Node): Node {
    const start = this.#at;
    let range: readonly [number, number] | undefined;
    if (this.#take("*")) range = [0, Number.POSITIVE_INFINITY];
    else if (this.#take("+")) range = [1, Number.POSITIVE_INFINITY];
    else if (this.#take("?")) range = [0, 1];
    else if (this.#take("{")) range = this.#range(start);
    if (range === undefined) return node;
    if (node.kind === "assertion") throw this.#wrong("a repeated ^, $, \\b or \\B", start);
    const lazy = this.#take("?");
    return { kind: "repeat", node, min: range[0], max: range[1], lazy };
  }

  #range(start: number): readonly [number, number] {
    let text = "";
    while (this.#at < this.#characters.length && this.#next() !== "}") text += this.#characters[this.#at++]!;
    const match = /^(\d{1,4})(,(\d{0,4}))?$/.exec(text);
    if (!this.#take("}") || match === null) throw this.#wrong("a { that is no {n}, {n,} or {n,m}", start);
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === "" ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (min > mostRepeats || (max !== Number.POSITIVE_INFINITY && max > mostRepeats))
      throw this.#wrong(`more than ${mostRepeats} repetitions`, start);
    if (max < min) throw this.#wrong("a repetition from more to less", start);
    return [min, max];
  }

  #class(): Node {
    const start = this.#at - 1;
    const negated = this.#take("^");
    const tests: CharacterTest[] = [];
    for (;;) {
      if (this.#at >= this.#characters.length) throw this.#wrong("a [ that is not closed", start);
      if (this.#take("]")) break;
      const from = this.#member();
      if (this.#next() !== "-" || this.#characters[this.#at + 1] === "]" || this.#at + 1 >= this.#characters.length) {
        tests.push(typeof from === "number" ? this.#folded((c) => c === from) : from);
        continue;
      }
      this.#at++;
      const to = this.#member();
      if (typeof from !== "number" || typeof to !== "number" || to < from)
        throw this.#wrong("a range in [ ] that is none", start);
      tests.push(this.#folded((c) => c >= from && c <= to));
    }
    const any: CharacterTest = (c) => tests.some((test) => test(c));
    return { kind: "character", test: negated ? not(any) : any };
  }

  #member(): number | CharacterTest {
    const character = this.#characters[this.#at++]!;
    if (character !== "\\") return character.codePointAt(0)!;
    if (this.#take("b")) return 8;
    if (this.#take("-")) return 45;
    return this.#escape();
  }

  /** After a backslash: one character, or a class of them. */
  #escape(): number | CharacterTest {
    const start = this.#at - 1;
    const character = this.#characters[this.#at++];
    if (character === undefined) throw this.#wrong("a \\ at the end", start);
    if (Object.hasOwn(classes, character)) return classes[character]!;
    const after = this.#next() ?? "";
    if (Object.hasOwn(controls, character) && !(character === "0" && /\d/.test(after))) return controls[character]!;
    if (character === "x" || character === "u") {
      const rest = this.#characters.slice(this.#at, this.#at + 10).join("");
      const hex = (character === "x" ? /^()([0-9A-Fa-f]{2})/ : /^(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{4}))/).exec(
        rest,
      );
      const codePoint = Number.parseInt(hex?.[1] || hex?.[2] || "", 16);
      if (hex === null || !(codePoint <= 0x10ffff)) throw this.#wrong(`a \\${character} without its number`, start);
      this.#at += hex[0].length;
      return codePoint;
    }
    if (/[1-9k]/.test(character)) throw this.#wrong("a backreference, which is not offered", start);
    if (/[A-Za-z0-9]/.test(character)) throw this.#wrong(`\\${character}, which means nothing here`, start);
    return character.codePointAt(0)!;
  }

  #character(codePoint: number): Node {
    return { kind: "character", test: this.#folded((c) => c === codePoint) };
  }

  /** With (?i) also what differs in case only. */
  #folded(test: CharacterTest): CharacterTest {
    if (!this.#ignoreCase) return test;
    return (c) => {
      if (test(c)) return true;
      const character = String.fromCodePoint(c);
      return test(character.toLowerCase().codePointAt(0)!) || test(character.toUpperCase().codePointAt(0)!);
    };
  }

  #next(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.#characters[this.#at + i] !== text[i]) return false;
    this.#at += text.length;
    return true;
  }

  #wrong(what: string, at = this.#at): SyntaxError {
    return new SyntaxError(`holds ${what}, at character ${at + 1}`);
  }
}
