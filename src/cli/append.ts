// `taishi append`: appends the events of an NDJSON file or of standard input, a thousand at a time. What was acknowledged
// before a failure stays; the message says after which line.
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { TaishiError } from "../errors.ts";
import { appendChunk, type Offered } from "../flow/operation-names.ts";
import { type DataFlags, withOperations } from "./data-directory.ts";
import type { Terminal } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

interface Done {
  readonly account: string;
  accepted: number;
  duplicates: number;
  first: number | null;
  last: number | null;
  treeSize: number | null;
}

export const append: Definition = (command, terminal) => {
  dataFlags(command)
    .argument("[file]", "NDJSON, an event a line; standard input when absent or -")
    .requiredOption("--account <id>", "account whose log they go to")
    .option("--idempotency-key <key>", "appending the same file with the same key again changes nothing")
    .option(...jsonFlag)
    .action(
      async (
        file: string | undefined,
        flags: DataFlags & { account: string; idempotencyKey?: string; json?: boolean },
      ) => {
        const done = await withOperations(flags, { index: false }, (operations) =>
          appendLines(lines(file), operations, flags, terminal),
        );
        terminal.progress("");
        terminal.out(
          flags.json === true
            ? JSON.stringify(done)
            : `${done.accepted} events appended to account ${done.account}${done.duplicates === 0 ? "" : `, ${done.duplicates} of them were there already`}`,
        );
      },
    );
};

/** The lines of the input, split at LF alone: other line separators may stand within JSON text. */
async function* lines(file: string | undefined): AsyncGenerator<string> {
  const input: AsyncIterable<Buffer> = file === undefined || file === "-" ? process.stdin : createReadStream(file);
  let pieces: Buffer[] = [];
  let number = 0;
  const take = (last: Buffer): string => {
    const line = pieces.length === 0 ? last : Buffer.concat([...pieces, last]);
    pieces = [];
    number++;
    if (!isUtf8(line))
      throw new TaishiError("malformed-body", `line ${number} is not valid UTF-8`, { field: `line ${number}` });
    return line.toString("utf8");
  };
  for await (const chunk of input) {
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      yield take(chunk.subarray(from, end));
      from = end + 1;
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  }
  if (pieces.length > 0) yield take(Buffer.alloc(0));
}

async function appendLines(
  source: AsyncIterable<string>,
  operations: Offered,
  flags: { readonly account: string; readonly idempotencyKey?: string },
  terminal: Terminal,
): Promise<Done> {
  const { account, idempotencyKey } = flags;
  const done: Done = { account, accepted: 0, duplicates: 0, first: null, last: null, treeSize: null };
  let chunk: string[] = [];
  let read = 0;
  let chunks = 0;
  const flush = async (): Promise<void> => {
    if (chunk.length === 0) return;
    const from = read - chunk.length + 1;
    try {
      const receipt = await operations.append({
        account,
        body: chunk.join("\n"),
        ...(idempotencyKey === undefined ? {} : { key: `${idempotencyKey}/${chunks++}` }),
      });
      done.accepted += receipt.accepted;
      done.duplicates += receipt.duplicates;
      done.first ??= receipt.first;
      done.last = receipt.last;
      done.treeSize = receipt.treeSize;
    } catch (thrown) {
      if (!(thrown instanceof TaishiError)) throw thrown;
      const at = thrown.details.index === undefined ? "" : `event ${from + thrown.details.index}: `;
      throw new TaishiError(thrown.code, `${at}${thrown.message}; ${done.accepted} events before it are stored`, {
        ...thrown.details,
      });
    }
    chunk = [];
    terminal.progress(`${done.accepted} events`);
  };
  for await (const line of source) {
    if (line.trim() === "") continue;
    chunk.push(line);
    read++;
    if (chunk.length === appendChunk) await flush();
  }
  await flush();
  return done;
}
