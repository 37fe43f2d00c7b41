// The anchor: a file outside the data directory with the last checkpoint of every log. It is written before a checkpoint
// is published, so that at the next start a ledger that was rolled back or exchanged whole is found out (I2).
// If it is lost: nothing is noticed until the next checkpoint writes it anew. If an attacker writes it: the service
// refuses to start, or a rollback goes unnoticed here and is left to witnesses and monitors.
import { readIfPresent, writeFileDurably } from "../durable/files.ts";
import { Fatal } from "../errors.ts";
import { fromBase64, toBase64 } from "../merkle/note.ts";

export interface AnchoredHead {
  readonly size: number;
  readonly root: Uint8Array;
}

export class Anchor {
  readonly #path: string;
  readonly #heads: Map<string, AnchoredHead>;

  /** @throws Fatal where the file exists and cannot be read as an anchor */
  constructor(path: string) {
    this.#path = path;
    const text = readIfPresent(path);
    try {
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
  }

  head(origin: string): AnchoredHead | undefined {
    return this.#heads.get(origin);
  }

  /** Durable when it returns. */
  move(heads: ReadonlyMap<string, AnchoredHead>): void {
    for (const [origin, head] of heads) this.#heads.set(origin, head);
    const content = Object.fromEntries(
      [...this.#heads].map(([origin, { size, root }]) => [origin, { size, root: toBase64(root) }]),
    );
    writeFileDurably(this.#path, `${JSON.stringify(content, null, 1)}\n`, 0o600);
  }
}
