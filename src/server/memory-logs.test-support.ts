// Published logs in memory, for the server's tests: up to 256 entries each, true hashes and proofs, checkpoints with a
// signature line of zeros. Only tests import this file.
import { hash } from "node:crypto";
import { TaishiError } from "../errors.ts";
import type { LogVisibility } from "../identity/account-settings.ts";
import type { AbsenceEvidence, LogLink, LogState, PublishedLogs, SignedCheckpoint } from "../ledger/port.ts";
import { formatCheckpoint } from "../merkle/checkpoint.ts";
import { formatNote } from "../merkle/note.ts";
import { consistencyProof, type HashReader, inclusionProof } from "../merkle/proof.ts";
import { hasTile, type Tile } from "../merkle/tile.ts";
import { formatTlogProof } from "../merkle/tlog-proof.ts";
import { leafHash, type Sha256, TreeEdge } from "../merkle/tree.ts";

const sha256: Sha256 = (data, into, at) => into.set(hash("sha256", data, "buffer"), at);

export class MemoryLogs implements PublishedLogs {
  readonly visibility = new Map<string, LogVisibility>();
  /** Entries by account. */
  readonly entries = new Map<string, Uint8Array[]>();
  /** Checkpoints and tiles that were asked for. */
  readonly asked: string[] = [];
  /** Thrown by whatever is asked. */
  failure: TaishiError | undefined;
  evidence: AbsenceEvidence | undefined;
  rotations: readonly LogLink[] = [];

  published(account: string): Promise<SignedCheckpoint> {
    return this.checkpoint(account);
  }

  async checkpoint(account: string): Promise<SignedCheckpoint> {
    this.asked.push(`${account} checkpoint`);
    const edge = new TreeEdge(sha256);
    for (const entry of this.#log(account)) edge.append(leafHash(sha256, entry));
    const origin = `memory.taishi/${account}`;
    const text = formatCheckpoint({ origin, size: edge.size, root: edge.root() });
    const signatures = [{ name: origin, keyId: new Uint8Array(4), signature: new Uint8Array(64) }];
    return { size: edge.size, time: 1_700_000_000_000, note: formatNote({ text, signatures }) };
  }

  async tile(account: string, tile: Tile): Promise<Uint8Array> {
    this.asked.push(`${account} ${tile.level}`);
    const { level, width } = tile;
    const log = this.#log(account);
    if (!hasTile(log.length, tile)) throw new TaishiError("not-found");
    const items = log.slice(0, width);
    if (level !== "entries") return Buffer.concat(items.map((entry) => leafHash(sha256, entry)));
    return Buffer.concat(items.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length & 255), entry]));
  }

  async proof(account: string, seq: number): Promise<string> {
    const log = this.#log(account);
    const extra = log[seq];
    if (extra === undefined) throw new TaishiError("not-found", `the log has no event ${seq}`, { field: "seq" });
    const hashes = await inclusionProof(sha256, this.#hashes(log), seq, log.length);
    return formatTlogProof({ index: seq, extra, hashes, checkpoint: (await this.checkpoint(account)).note });
  }

  async consistency(account: string, from: number, to: number): Promise<readonly Uint8Array[]> {
    const log = this.#log(account);
    if (to > log.length) throw new TaishiError("invalid-parameter", "to: is too large", { field: "to" });
    return consistencyProof(sha256, this.#hashes(log), from, to);
  }

  async absence(account: string): Promise<AbsenceEvidence> {
    this.#log(account);
    if (this.evidence === undefined) throw new TaishiError("not-found", "the log grew");
    return this.evidence;
  }

  async links(account: string): Promise<readonly LogLink[]> {
    this.#log(account);
    return this.rotations;
  }

  async state(account: string): Promise<LogState> {
    const { size, note } = await this.checkpoint(account);
    const vkey = `memory.taishi/${account}+00000000+AQ==`;
    const sizes = { stored: size, signed: size, witnessed: null, minimumIndex: 0 };
    return { account, origin: `memory.taishi/${account}`, vkey, clockVkey: vkey, ...sizes, checkpoint: note };
  }

  #log(account: string): Uint8Array[] {
    if (this.failure !== undefined) throw this.failure;
    return this.entries.get(account) ?? [];
  }

  #hashes(log: readonly Uint8Array[]): HashReader {
    return {
      hashes: (_level, from, count) =>
        Buffer.concat(log.slice(from, from + count).map((entry) => leafHash(sha256, entry))),
    };
  }
}
