// Where JSON objects begin and end in a stream of them: the engine puts a line feed between them (JSON lines), or in some
// versions and media types a record separator before each (RFC 7464), or nothing. Says nothing about their content.
import { type Arrival, Received } from "../received.ts";

const longestObject = 16 * 1024 * 1024;
const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const none: ReadonlySet<number> = new Set();

/** What is tried again: the engine is away, refuses, breaks off, or says what no engine says. */
export class EngineError extends Error {}

export class ObjectSplitter {
  readonly #received = new Received(longestObject);
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** The objects that end in this piece. @throws EngineError where something else than white space is between objects */
  take(piece: Uint8Array, read: number): readonly Arrival[] {
    const out: Arrival[] = [];
    let start = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]!;
      if (this.#escaped) this.#escaped = false;
      else if (this.#inString) {
        if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inString = false;
      } else if (this.#depth === 0) {
        if (byte === openBrace) {
          start = at;
          this.#depth = 1;
        } else if (byte > 0x20) throw new EngineError("the engine sent something that is no JSON object");
      } else if (byte === quote) this.#inString = true;
      else if (byte === openBrace) this.#depth++;
      else if (byte === closeBrace && --this.#depth === 0) {
        this.#received.add(piece.subarray(start, at + 1));
        out.push(this.#received.take(read, none)!);
      }
    }
    if (this.#depth > 0) this.#received.add(piece.subarray(start));
    return out;
  }
}
