// A store whose N-th call goes wrong: a real node:sqlite database behind an instrumented double, and an anchor likewise. Each
// call on them (exec, prepare, run, get, all, iterate; move) is counted, and one of them fails in one of the ways below.
import type { DatabaseSync } from "node:sqlite";
import { Fatal, TaishiError } from "../errors.ts";
import { Anchor, type AnchoredHead } from "./anchor.ts";

/**
 * failed: nothing was done. full: nothing was done for want of room. undone: for want of room, and SQLite has rolled back
 * the whole transaction by itself, as it may. persisted: it was done, and yet reported as failed. (That SQLite reports a
 * commit as "full" which it has made does not happen: a commit's last page is written before anything is reported.)
 * worse: the disk is full, and the next call, with which the writer wants to get out of it, fails too.
 */
export const ways = ["failed", "full", "undone", "persisted", "worse"] as const;
export type Way = (typeof ways)[number];

/** Counts the calls of one story and fails the one that it is told to. */
export class Failure {
  readonly #nth: number;
  readonly #way: Way;
  #count = 0;
  /** The call that failed, once it has. */
  hit: string | undefined;

  /** @param nth the call to fail, from 1 */
  constructor(nth: number, way: Way) {
    this.#nth = nth;
    this.#way = way;
  }

  database(real: DatabaseSync): DatabaseSync {
    return this.#counting(real, real, "database") as DatabaseSync;
  }

  anchor(path: string): Anchor {
    return new CountedAnchor(path, (work) => this.#call("anchor.move", work, anchorError, () => {}));
  }

  /** The object with every method call counted; what a call gives is counted too where it is a statement. */
  #counting(real: DatabaseSync, target: object, name: string): unknown {
    return new Proxy(target, {
      get: (_, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          const work = (): unknown => {
            const result: unknown = Reflect.apply(value, target, args);
            return property === "prepare" ? this.#counting(real, result as object, String(args[0])) : result;
          };
          if (property === "close") return work();
          // Only what writes wants room, or leaves anything behind: a reading fails in one way.
          const second = this.#way === "worse" && this.#count === this.#nth;
          if (this.#way !== "failed" && !second && property !== "exec" && property !== "run") return work();
          const what = `${name}.${String(property)}(${typeof args[0] === "string" ? args[0] : ""})`;
          return this.#call(what, work, sqliteError, () => {
            if (real.isTransaction) real.exec("ROLLBACK");
          });
        };
      },
    });
  }

  #call<T>(what: string, work: () => T, error: (way: Way) => Error, undo: () => void): T {
    this.#count++;
    if (this.#way === "worse" && this.#count === this.#nth + 1) {
      this.hit = `${this.hit}, then ${what}`;
      throw error("failed");
    }
    if (this.#count !== this.#nth) return work();
    this.hit = what;
    if (this.#way === "persisted") work();
    if (this.#way === "undone") undo();
    throw error(this.#way);
  }
}

function isFull(way: Way): boolean {
  return way === "full" || way === "undone" || way === "worse";
}

/** What node:sqlite throws. */
function sqliteError(way: Way): Error {
  const full = isFull(way);
  return Object.assign(new Error(full ? "database or disk is full" : "disk I/O error"), {
    code: "ERR_SQLITE_ERROR",
    errcode: full ? 13 : 10,
  });
}

/** What an Anchor throws. */
function anchorError(way: Way): Error {
  return isFull(way)
    ? new TaishiError("disk-full", "the anchor's disk is full")
    : new Fatal("the anchor cannot be written");
}

class CountedAnchor extends Anchor {
  readonly #call: (work: () => void) => void;

  constructor(path: string, call: (work: () => void) => void) {
    super(path);
    this.#call = call;
  }

  override move(heads: ReadonlyMap<string, AnchoredHead>): void {
    this.#call(() => super.move(heads));
  }
}
