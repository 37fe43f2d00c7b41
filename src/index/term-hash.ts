// A term as the index keeps it: a hash of 53 bits, a safe integer, so that lists of millions of terms are lists of
// numbers. Two terms share one by accident about once in 9e15 pairs; whoever looks up verifies the entries he is
// given. The salt is this index's own secret: nobody can make terms that collide with another account's (I7) or crowd
// together in a table.
import { hash } from "node:crypto";
import { escapePart, separator } from "../event/stream.ts";

/** Terms remembered in one generation; two are kept. */
const generation = 4096;
/** Longer terms are not remembered: bounds memory. */
const longestRemembered = 128;

export class TermHasher {
  readonly #salt: string;
  // Hashing costs half a microsecond, and most terms of an event are those of the event before.
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  constructor(salt: string) {
    this.#salt = salt;
  }

  of(account: string, term: string): number {
    const text = escapePart(account) + separator + term;
    let found = this.#young.get(text);
    if (found !== undefined) return found;
    found = this.#old.get(text) ?? hashOf(this.#salt + text);
    if (text.length > longestRemembered) return found;
    if (this.#young.size >= generation) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, found);
    return found;
  }
}

/** The first 53 bits of SHA-256. */
function hashOf(text: string): number {
  const digest = hash("sha256", text, "binary");
  let value = digest.charCodeAt(0) & 31;
  for (let i = 1; i < 7; i++) value = value * 256 + digest.charCodeAt(i);
  return value;
}
