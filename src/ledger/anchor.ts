// The anchor: a file outside the data directory with the last checkpoint of every log. It is written before a checkpoint
// is published, so that at the next start a ledger that was rolled back or exchanged whole is found out (I2).
// If it is lost: nothing is noticed until the next checkpoint writes it anew. If an attacker writes it: the service
// refuses to start, or a rollback goes unnoticed here and is left to witnesses and monitors.
import { readIfPresent, writeFileDurably } from "../durable/files.ts";
import { Fatal, TaishiError } from "../errors.ts";
import { equalBytes, fromBase64, toBase64 } from "../merkle/note.ts";

export interface AnchoredHead {
  readonly size: number;
  readonly root: Uint8Array;
}

export class Anchor {
  readonly #path: string;
  readonly #heads: Map<string, AnchoredHead>;

  /**
   * @param options.readOnly only to compare with: the file may be a running server's, and is not written
   * @throws Fatal where the file exists and cannot be read as an anchor, or cannot be written
   */
  constructor(path: string, options: { readonly readOnly: boolean } = { readOnly: false }) {
    this.#path = path;
    try {
      const text = readIfPresent(path);
      const heads = text === undefined ? {} : (JSON.parse(text) as Record<string, { size: number; root: string }>);
      this.#heads = new Map(
        Object.entries(heads).map(([origin, { size, root }]) => {
          if (!Number.isSafeInteger(size)) throw new SyntaxError("a size that is no integer");
          return [origin, { size, root: fromBase64(root) }];
        }),
      );
    } catch (cause) {
      throw new Fatal(`the anchor ${path} cannot be read`, {
        hint: "Restore it, or remove it if you know why it is damaged.",
        cause,
      });
    }
    if (!options.readOnly) this.#write();
  }

  /** Origins of all logs it has seen. */
  get origins(): readonly string[] {
    return [...this.#heads.keys()];
  }

  head(origin: string): AnchoredHead | undefined {
    return this.#heads.get(origin);
  }

  /**
   * Durable when it returns.
   * @throws Fatal where a head would go back or be another of its size (I2); TaishiError disk-full with nothing changed
   */
  move(heads: ReadonlyMap<string, AnchoredHead>): void {
    for (const [origin, { size, root }] of heads) {
      const before = this.#heads.get(origin);
      if (before === undefined || size > before.size) continue;
      if (size < before.size)
        throw new Fatal(`the anchor of ${origin} holds ${before.size} entries and would go back to ${size}`);
      if (!equalBytes(root, before.root))
        throw new Fatal(`the anchor of ${origin} holds another tree of ${size} entries than is to be signed`);
    }
    const known = new Map(this.#heads);
    for (const [origin, head] of heads) this.#heads.set(origin, head);
    try {
      this.#write();
    } catch (thrown) {
      for (const origin of heads.keys()) {
        const head = known.get(origin);
        if (head === undefined) this.#heads.delete(origin);
        else this.#heads.set(origin, head);
      }
      throw thrown;
    }
  }

  #write(): void {
    const content = Object.fromEntries(
      [...this.#heads].map(([origin, { size, root }]) => [origin, { size, root: toBase64(root) }]),
    );
    try {
      writeFileDurably(this.#path, `${JSON.stringify(content, null, 1)}\n`, 0o600);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOSPC")
        throw new TaishiError("disk-full", "the anchor's disk is full", { retryAfter: 30, cause });
      throw new Fatal(`the anchor ${this.#path} cannot be written`, {
        hint: "Its directory must exist and belong to the user who runs this.",
        cause,
      });
    }
  }
}
