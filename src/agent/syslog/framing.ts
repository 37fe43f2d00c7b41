// Where messages begin and end in a stream of syslog. RFC 6587: a message that begins with a digit is counted (3.4.1), any
// other ends at a line feed (3.4.2), and both may follow one another. A sender can write what looks like the other kind of
// message only into its own stream: nothing is lost by it, but its messages may be cut where it did not mean to.
import { type Arrival, Received } from "../received.ts";

/** A longer count than any sender's is no count but the beginning of a line. */
const highestCount = 64 * 1024 * 1024;
const longestCount = String(highestCount).length;

const lineFeed = 0x0a;
const space = 0x20;
const between: ReadonlySet<number> = new Set([0x00, lineFeed, 0x0d]);

type State =
  | { readonly in: "between" }
  | { readonly in: "count"; readonly digits: string }
  | { readonly in: "counted"; readonly left: number }
  | { readonly in: "line" };

export class Framing {
  readonly #received: Received;
  #state: State = { in: "between" };

  /** @param limit bytes of a message that are kept */
  constructor(limit: number) {
    this.#received = new Received(limit);
  }

  /** The messages that end in this piece. @param read epoch milliseconds */
  take(piece: Uint8Array, read: number): readonly Arrival[] {
    const out: Arrival[] = [];
    for (let at = 0; at < piece.length; ) {
      const state = this.#state;
      if (state.in === "between") {
        const byte = piece[at]!;
        if (between.has(byte)) at++;
        else this.#state = byte >= 0x31 && byte <= 0x39 ? { in: "count", digits: "" } : { in: "line" };
      } else if (state.in === "count") at = this.#count(piece, at, state.digits);
      else if (state.in === "counted") {
        const end = Math.min(piece.length, at + state.left);
        this.#received.add(piece.subarray(at, end));
        const left = state.left - (end - at);
        this.#state = { in: "counted", left };
        if (left === 0) this.#emit(out, read);
        at = end;
      } else {
        const end = piece.indexOf(lineFeed, at);
        this.#received.add(piece.subarray(at, end === -1 ? piece.length : end));
        if (end !== -1) this.#emit(out, read);
        at = end === -1 ? piece.length : end + 1;
      }
    }
    return out;
  }

  /**
   * The stream is over. What is left of it: a line without its end is a message if the sender was done, as some never write
   * that end; less than was counted, or what a broken connection left, is torn.
   * @param done whether the sender said that it has no more
   */
  end(read: number, done: boolean): readonly Arrival[] {
    const out: Arrival[] = [];
    const state = this.#state;
    if (state.in === "count") this.#received.add(Buffer.from(state.digits));
    if (state.in !== "between")
      this.#emit(out, read, done && state.in !== "counted" ? undefined : "its connection ended within it");
    return out;
  }

  /** Reads on in a count. @returns where to go on */
  #count(piece: Uint8Array, from: number, before: string): number {
    let digits = before;
    for (let at = from; at < piece.length; at++) {
      const byte = piece[at]!;
      if (byte >= 0x30 && byte <= 0x39 && digits.length < longestCount) digits += String.fromCharCode(byte);
      else {
        const isCount = byte === space && Number(digits) <= highestCount;
        if (isCount) this.#state = { in: "counted", left: Number(digits) };
        else {
          this.#received.add(Buffer.from(digits));
          this.#state = { in: "line" };
        }
        return isCount ? at + 1 : at;
      }
    }
    this.#state = { in: "count", digits };
    return piece.length;
  }

  #emit(out: Arrival[], read: number, torn?: string): void {
    const arrival = this.#received.take(read, between, torn);
    if (arrival !== undefined) out.push(arrival);
    this.#state = { in: "between" };
  }
}

/** A datagram is a message, RFC 5426. Undefined where there is nothing in it. */
export function datagram(bytes: Uint8Array, read: number): Arrival | undefined {
  const received = new Received(64 * 1024);
  received.add(bytes);
  return received.take(read, between);
}
