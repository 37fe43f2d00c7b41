// `taishi fsck`: verifies the ledger from bytes to signatures. Exit code 0: all is well; 1: something is not.

import { openSigningKey } from "../durable/secret-file.ts";
import { dataPaths } from "../flow/house.ts";
import { Anchor } from "../ledger/anchor.ts";
import { fsck as checkLedger } from "../ledger/fsck.ts";
import { CheckpointSigner } from "../ledger/signer.ts";
import { LedgerReader } from "../ledger/store.ts";
import { type DataFlags, locate } from "./data-directory.ts";
import { printable } from "./terminal.ts";
import { dataFlags, jsonFlag, type Verb } from "./verb.ts";

export const fsck: Verb = {
  name: "fsck",
  summary: "verify the ledger from its bytes to its signatures; may run beside the server",
  define(command, terminal) {
    dataFlags(command)
      .option(...jsonFlag)
      .action(async (flags: DataFlags & { json?: boolean }) => {
        const { data, secrets, anchor } = locate(flags);
        const paths = dataPaths(data, secrets);
        const reader = LedgerReader.open(paths.ledger);
        try {
          const signer = new CheckpointSigner({
            logKey: openSigningKey(paths.logKey, { create: false }),
            clockKey: openSigningKey(paths.clockKey, { create: false }),
          });
          const report = await checkLedger(reader, {
            verifier: (origin) => signer.verifier(origin),
            ...(anchor === undefined ? {} : { anchor: new Anchor(anchor, { readOnly: true }) }),
            onProgress: (done, all) => terminal.progress(`${done} of ${all} entries`),
          });
          terminal.progress("");
          if (flags.json === true) terminal.out(JSON.stringify({ ok: report.problems.length === 0, ...report }));
          else {
            for (const { account, what } of report.problems)
              terminal.out(printable(account === "" ? what : `account ${account}: ${what}`));
            const { logs, entries, checkpoints, blobs, problems } = report;
            terminal.out(
              `${logs} logs, ${entries} entries, ${checkpoints} checkpoints, ${blobs} blobs: ` +
                (problems.length === 0 ? "no problem found" : `${problems.length} problems found`),
            );
          }
          process.exitCode = report.problems.length === 0 ? 0 : 1;
        } finally {
          reader.close();
        }
      });
  },
};
