// `taishi fsck`: verifies the ledger from bytes to signatures, and the index against it. Exit code 0: all is well; 1:
// something is not.
import { openSigningKey } from "../durable/secret-file.ts";
import { Fatal, TaishiError } from "../errors.ts";
import { parseEntry } from "../event/entry.ts";
import type { Event } from "../event/event.ts";
import { dataPaths } from "../flow/data-paths.ts";
import { LogKeyFiles } from "../flow/log-key-files.ts";
import { IndexCheck, type IndexReport } from "../index/index-check.ts";
import { Anchor } from "../ledger/anchor.ts";
import { fsck as checkLedger, type FsckReport } from "../ledger/fsck.ts";
import { publicKeyOf } from "../ledger/signer.ts";
import { LedgerReader } from "../ledger/store.ts";
import { type DataFlags, locate } from "./data-directory.ts";
import { printable } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

export const fsck: Definition = (command, terminal) => {
  dataFlags(command)
    .option("--no-index", "leave the index alone")
    .option(...jsonFlag)
    .action(async (flags: DataFlags & { json?: boolean; index: boolean }) => {
      const { data, secrets, anchor } = locate(flags);
      const paths = dataPaths(data, secrets);
      const reader = LedgerReader.open(paths.ledger);
      try {
        const keys = new LogKeyFiles(paths);
        const clockKey = publicKeyOf(openSigningKey(paths.clockKey, { create: false }));
        const pass = (index?: IndexCheck) =>
          checkLedger(reader, {
            keys: () => keys.publicKeys(),
            clockKey,
            ...(anchor === undefined ? {} : { anchor: new Anchor(anchor, { readOnly: true }) }),
            onEntry: (account, seq, { event }) => index?.entry(account, seq, event),
            onProgress: (done, all) => terminal.progress(`${done} of ${all} entries`),
          });
        const { ledger, compared } = flags.index
          ? await withIndex(reader, paths.index, pass)
          : { ledger: await pass(), compared: undefined };
        const problems = [...ledger.problems, ...(compared?.problems ?? [])];
        terminal.progress("");
        if (flags.json === true) {
          const { state = "skipped", runs = 0, entries = 0, problems: found = [] } = compared ?? {};
          const member = { state, runs, entries, problems: found.length };
          terminal.out(JSON.stringify({ ok: problems.length === 0, ...ledger, problems, index: member }));
        } else {
          for (const { account, what } of problems)
            terminal.out(printable(account === "" ? what : `account ${account}: ${what}`));
          const { logs, entries, checkpoints, blobs } = ledger;
          terminal.out(
            `${logs} logs, ${entries} entries, ${checkpoints} checkpoints, ${blobs} blobs; ${indexLine(compared)}: ` +
              (problems.length === 0 ? "no problem found" : `${problems.length} problems found`),
          );
        }
        process.exitCode = problems.length === 0 ? 0 : 1;
      } finally {
        reader.close();
      }
    });
};

/** Both checks. Where retention was applied meanwhile, or by a service that then stopped half way, once more. */
async function withIndex(
  reader: LedgerReader,
  directory: string,
  pass: (index: IndexCheck) => Promise<FsckReport>,
): Promise<{ readonly ledger: FsckReport; readonly compared: IndexReport }> {
  let minimums: ReadonlyMap<string, number> = new Map(reader.logs().map(({ account, minimum }) => [account, minimum]));
  for (;;) {
    // Before the ledger's sizes are looked at: the index must not be ahead of what is read.
    const index = await IndexCheck.open(directory, reader.service, minimums);
    const ledger = await pass(index);
    const told = index.minimums;
    if ([...told].every(([account, minimum]) => minimum <= (minimums.get(account) ?? 0))) {
      const view = {
        size: (account: string) => reader.size(account),
        read: (account: string, seq: number) => readEvent(reader, account, seq),
      };
      return { ledger, compared: index.finish(view) };
    }
    index.close();
    minimums = told;
  }
}

function indexLine(report: IndexReport | undefined): string {
  if (report === undefined) return "the index not looked at";
  if (report.state === "absent") return "no index yet, it is made at the next start";
  if (report.state === "outdated") return "an index of an older format, it is made anew at the next start";
  return `${report.entries} entries compared with ${report.runs} runs of the index`;
}

/** To name what differs; an entry that cannot be read is the ledger's problem, and told as such. */
function readEvent(reader: LedgerReader, account: string, seq: number): Event | undefined {
  try {
    return seq < reader.size(account) ? parseEntry(reader.read(account, [seq])[0]!).event : undefined;
  } catch (thrown) {
    if ([Fatal, TaishiError, SyntaxError, RangeError].some((kind) => thrown instanceof kind)) return undefined;
    throw thrown;
  }
}
