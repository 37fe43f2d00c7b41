// A regular expression that takes time linear in the text, whatever is written in it: a program that all its possible paths
// run through side by side, one character at a time (Pike's machine). What it finds is what JavaScript's own would find with
// the `u` flag; only a group within a repetition keeps what it last matched. Texts come from strangers: see mostText.
import { type Assertion, type CharacterTest, isWord, type Node, parsePattern } from "./pattern-syntax.ts";

/** Characters (UTF-16) of a text that are looked at; what comes after them is as if it were not there, but for `$`. */
export const mostText = 8_192;
const mostInstructions = 2_000;

type Instruction =
  | { readonly op: "character"; readonly test: CharacterTest; readonly ascii: Uint8Array }
  | { readonly op: "assertion"; readonly what: Assertion }
  /** Both ways are open; `first` is preferred. */
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "save"; readonly slot: number }
  | { readonly op: "match" };

/** What was found; [0] is the whole of it. */
export interface Found {
  readonly index: number;
  readonly groups: readonly (string | undefined)[];
  readonly named: ReadonlyMap<string, string | undefined>;
}

export class Pattern {
  readonly source: string;
  /** Names of groups, by their numbers from 1. */
  readonly names: ReadonlyMap<string, number>;
  readonly groupCount: number;
  readonly #program: readonly Instruction[];

  /** @throws SyntaxError, its message the end of a sentence that begins with the expression's name */
  constructor(source: string) {
    const { node, groups, names } = parsePattern(source);
    this.source = source;
    this.names = names;
    this.groupCount = groups;
    this.#program = programOf(node);
  }

  /** Whether it is found anywhere in the text. */
  test(text: string): boolean {
    return this.#run(text, false) !== undefined;
  }

  /** The leftmost occurrence. */
  find(text: string): Found | undefined {
    const looked = codePoints(text);
    const slots = this.#run(text, true);
    if (slots === undefined) return undefined;
    const part = (i: number): string | undefined => {
      const [from = -1, to = -1] = [slots[2 * i], slots[2 * i + 1]];
      return from < 0 || to < 0 ? undefined : String.fromCodePoint(...looked.slice(from, to));
    };
    const groups = Array.from({ length: this.groupCount + 1 }, (_, i) => part(i));
    return {
      index: String.fromCodePoint(...looked.slice(0, slots[0])).length,
      groups,
      named: new Map([...this.names].map(([name, i]) => [name, groups[i]])),
    };
  }

  /** The slots of the match: beginnings and ends of groups in code points, −1 where a group took no part. */
  #run(text: string, capturing: boolean): readonly number[] | undefined {
    const program = this.#program;
    const characters = codePoints(text);
    const isWhole = text.length <= mostText;
    const seen = new Int32Array(program.length).fill(-1);
    const slotCount = capturing ? 2 * (this.groupCount + 1) : 0;
    let found: readonly number[] | undefined;
    let here = new Threads();
    let next = new Threads();

    const add = (threads: Threads, pc: number, at: number, slots: readonly number[]): void => {
      if (seen[pc] === at) return;
      seen[pc] = at;
      const instruction = program[pc]!;
      if (instruction.op === "jump") add(threads, instruction.to, at, slots);
      else if (instruction.op === "split") {
        add(threads, instruction.first, at, slots);
        add(threads, instruction.second, at, slots);
      } else if (instruction.op === "save")
        add(threads, pc + 1, at, capturing ? slots.with(instruction.slot, at) : slots);
      else if (instruction.op === "assertion") {
        if (holds(instruction.what, characters, at, isWhole)) add(threads, pc + 1, at, slots);
      } else threads.push(pc, slots);
    };

    const none: readonly number[] = Array.from({ length: slotCount }, () => -1);
    for (let at = 0; at <= characters.length; at++) {
      // A new attempt begins at every character until one has matched; it comes after those that began before.
      if (found === undefined) add(here, 0, at, none);
      const character = characters[at];
      for (let i = 0; i < here.pcs.length; i++) {
        const pc = here.pcs[i]!;
        const slots = here.slots[i]!;
        const instruction = program[pc]!;
        if (instruction.op === "match") {
          found = slots;
          if (!capturing) return found;
          break; // what comes after it is less preferred
        }
        if (instruction.op === "character" && character !== undefined && accepts(instruction, character))
          add(next, pc + 1, at + 1, slots);
      }
      if (found !== undefined && next.pcs.length === 0) break;
      [here, next] = [next, here];
      next.clear();
    }
    return found;
  }
}

/** The ways that are open, the preferred first. */
class Threads {
  readonly pcs: number[] = [];
  readonly slots: (readonly number[])[] = [];

  push(pc: number, slots: readonly number[]): void {
    this.pcs.push(pc);
    this.slots.push(slots);
  }

  clear(): void {
    this.pcs.length = 0;
    this.slots.length = 0;
  }
}

function codePoints(text: string): readonly number[] {
  const points: number[] = [];
  for (let i = 0; i < text.length && i < mostText; i++) {
    const point = text.codePointAt(i)!;
    if (point > 0xffff) i++;
    points.push(point);
  }
  return points;
}

function accepts({ test, ascii }: Extract<Instruction, { op: "character" }>, character: number): boolean {
  return character < 128 ? ascii[character] === 1 : test(character);
}

function holds(what: Assertion, characters: readonly number[], at: number, isWhole: boolean): boolean {
  if (what === "start") return at === 0;
  if (what === "end") return at === characters.length && isWhole;
  const wordAt = (i: number): boolean => i >= 0 && i < characters.length && isWord(characters[i]!);
  return (wordAt(at - 1) !== wordAt(at)) === (what === "word-boundary");
}

function programOf(node: Node): readonly Instruction[] {
  const program: Instruction[] = [{ op: "save", slot: 0 }];
  const emit = <Made extends Instruction>(instruction: Made): Made => {
    if (program.length >= mostInstructions)
      throw new SyntaxError(
        `is too large: repetitions are written out, and it has more than ${mostInstructions} steps`,
      );
    program.push(instruction);
    return instruction;
  };
  const optional = (lazy: boolean, body: () => void): void => {
    const split = emit({ op: "split", first: -1, second: -1 });
    const start = program.length;
    body();
    [split.first, split.second] = lazy ? [program.length, start] : [start, program.length];
  };
  const write = (part: Node): void => {
    if (part.kind === "character") emit({ op: "character", test: part.test, ascii: asciiTable(part.test) });
    else if (part.kind === "assertion") emit({ op: "assertion", what: part.what });
    else if (part.kind === "sequence") for (const item of part.items) write(item);
    else if (part.kind === "group") {
      emit({ op: "save", slot: 2 * part.number });
      write(part.node);
      emit({ op: "save", slot: 2 * part.number + 1 });
    } else if (part.kind === "choice") writeChoice(part.items);
    else writeRepeat(part);
  };
  const writeChoice = (items: readonly Node[]): void => {
    const ends: { to: number }[] = [];
    for (const [i, item] of items.entries()) {
      if (i === items.length - 1) write(item);
      else {
        const split = emit({ op: "split", first: program.length + 1, second: -1 });
        write(item);
        ends.push(emit({ op: "jump", to: -1 }));
        split.second = program.length;
      }
    }
    for (const end of ends) end.to = program.length;
  };
  const writeRepeat = ({ node: body, min, max, lazy }: Extract<Node, { kind: "repeat" }>): void => {
    for (let i = 0; i < min; i++) write(body);
    if (max === Number.POSITIVE_INFINITY) {
      const loop = program.length;
      optional(lazy, () => {
        write(body);
        emit({ op: "jump", to: loop });
      });
    } else {
      const rest = (left: number): void => {
        if (left > 0)
          optional(lazy, () => {
            write(body);
            rest(left - 1);
          });
      };
      rest(max - min);
    }
  };
  write(node);
  emit({ op: "save", slot: 1 });
  emit({ op: "match" });
  return program;
}

function asciiTable(test: CharacterTest): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, c) => (test(c) ? 1 : 0));
}
