// `taishi log`: what lets others check an account's log: its keys, the whole of it as static files, and proofs about its
// sizes and its silences. All straight from the ledger's files; checkpoints are signed and kept by who owns them.
import { join } from "node:path";
import type { Command } from "commander";
import { writeStaticLog } from "../backup/static-log.ts";
import { readIfPresent } from "../durable/files.ts";
import { TaishiError } from "../errors.ts";
import { blobReferences, mayHaveBlobs, parseEntry } from "../event/entry.ts";
import { formatSeconds, readTime } from "../event/time.ts";
import { witnessedMs } from "../flow/log-client.ts";
import { bundleWidth } from "../ledger/bundle.ts";
import type { SignedCheckpoint } from "../ledger/port.ts";
import { proveAbsence, proveConsistency } from "../ledger/prove.ts";
import type { LedgerReader, LogRow } from "../ledger/store.ts";
import { LedgerTiles } from "../ledger/tiles.ts";
import { toBase64 } from "../merkle/note.ts";
import type { DataFlags } from "./data-directory.ts";
import { defineLinks } from "./log-links.ts";
import { defineRotateKey } from "./log-rotate-key.ts";
import { handOut, openSigner, readCount, withLog } from "./log-source.ts";
import type { Terminal } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

interface LogFlags extends DataFlags {
  readonly account: string;
  readonly json?: boolean;
}

export const log: Definition = (command, terminal) => {
  const below = (name: string, description: string): Command =>
    dataFlags(command.command(name).description(description))
      .requiredOption("--account <id>", "account whose log it is")
      .option(...jsonFlag);
  below("key", "print the keys that sign the log's checkpoints").action((flags: LogFlags) =>
    withLog(flags, (_reader, { origin }, located) => {
      const signer = openSigner(located);
      const keys = { vkey: signer.vkey(origin), clockVkey: signer.clockVkey(origin) };
      terminal.out(flags.json === true ? JSON.stringify(keys) : `log    ${keys.vkey}\nclock  ${keys.clockVkey}`);
    }),
  );
  below("status", "how far the log is stored, signed and witnessed").action((flags: LogFlags) =>
    withLog(flags, (reader, { id, origin, size: stored }) => {
      const signed = reader.latestCheckpoint(id)?.size ?? 0;
      const witnessed = reader.witnessedCheckpoint(id)?.size ?? null;
      terminal.out(
        flags.json === true
          ? JSON.stringify({ origin, stored, signed, witnessed })
          : `stored     ${stored}\nsigned     ${signed}\nwitnessed  ${witnessed ?? "-"}`,
      );
    }),
  );
  defineRotateKey(command, terminal);
  defineLinks(command, terminal);
  below("export", "write the log as static files, by C2SP tlog-tiles")
    .argument("<directory>", "made where it is missing; an earlier export in it is continued")
    .action((directory: string, flags: LogFlags) => exportTo(directory, flags, terminal));
  below("consistency", "prove that the log of one size begins with that of another")
    .argument("<from>", "the smaller size")
    .argument("<to>", "the larger size")
    .action(async (fromText: string, toText: string, flags: LogFlags) => {
      const [from, to] = [readCount(fromText, "FROM"), readCount(toText, "TO")];
      const hashes = await withLog(flags, async (reader, { account, size }) => {
        if (to > size) throw new TaishiError("invalid-parameter", `TO: the log has ${size} entries`, { field: "TO" });
        await handOut(flags, { size: to });
        return proveConsistency(reader, account, from, to);
      });
      const proof = hashes.map(toBase64);
      if (flags.json === true) terminal.out(JSON.stringify({ from, to, proof }));
      else for (const hash of proof) terminal.out(hash);
    });
  below("absence", "print two checkpoints that show that nothing was received in between")
    .requiredOption("--from <time>", "RFC 3339")
    .requiredOption("--to <time>", "RFC 3339")
    .action(async (flags: LogFlags & { from: string; to: string }) => {
      const [from, to] = [readTime(flags.from, "--from"), readTime(flags.to, "--to")];
      if (from > to) throw new TaishiError("invalid-parameter", "--from: is after --to", { field: "--from" });
      await handOut(flags, { time: Math.ceil(to / 1000) * 1000 });
      const { before, after } = await withLog(flags, (reader, { account }) => proveAbsence(reader, account, from, to));
      if (flags.json === true) {
        const edge = ({ time, note }: typeof before) => ({ time: formatSeconds(time), checkpoint: note });
        terminal.out(JSON.stringify({ size: before.size, before: edge(before), after: edge(after) }));
      } else {
        terminal.err(`${before.size} entries at ${formatSeconds(before.time)} and at ${formatSeconds(after.time)}`);
        process.stdout.write(`${before.note}\n${after.note}`);
      }
    });
};

async function exportTo(directory: string, flags: LogFlags, terminal: Terminal): Promise<void> {
  // Signed first, so that everything it covers is there to be read.
  const newest = await handOut(flags);
  const report = await withLog(flags, (reader, row) => {
    const note = exportedNote(directory, newest, reader.witnessedCheckpoint(row.id));
    const tiles = new LedgerTiles(reader, row);
    const source = {
      hashes: (level: number, from: number, count: number) => tiles.hashes(level, from, count),
      entries: (index: number, width: number) => tiles.entries(index, width),
      rootAt: (size: number) => reader.edgeAt(row, size).root(),
      blobs: (index: number, bundle: Uint8Array) => blobsOf(reader, row, index, bundle),
    };
    return writeStaticLog(directory, note, source, (done, all) => terminal.progress(`${done} of ${all} tiles`));
  });
  terminal.progress("");
  const { origin, size, written, kept, pruned } = report;
  const gone = pruned === 0 ? "" : `, ${pruned} bundles were pruned`;
  terminal.out(
    flags.json === true
      ? JSON.stringify({ directory, origin, size, written, kept, pruned })
      : `${origin}: ${size} entries; ${written} files written, ${kept} were there${gone}`,
  );
}

/** What witnesses cosigned, where that is nearly as new and does not take an earlier export back. */
function exportedNote(directory: string, newest: SignedCheckpoint, witnessed: SignedCheckpoint | undefined): string {
  if (witnessed === undefined || newest.time - witnessed.time >= witnessedMs) return newest.note;
  const before = readIfPresent(join(directory, "checkpoint"))?.split("\n")[1] ?? "0";
  return witnessed.size >= Number(before) ? witnessed.note : newest.note;
}

/** Few bundles have any: what marks a reference is looked for before the entries are read. */
function* blobsOf(reader: LedgerReader, { account }: LogRow, index: number, bundle: Uint8Array) {
  if (!mayHaveBlobs(bundle)) return;
  for (const [i, entry] of reader.bundle(account, index).entries())
    for (const { $sha256: name } of blobReferences(parseEntry(entry)))
      yield { name, bytes: reader.blob(name, account, index * bundleWidth + i) };
}
