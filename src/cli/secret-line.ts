// A password or passphrase from standard input, so that it stands in no process list and no shell history.
import { TaishiError } from "../errors.ts";

const mostBytes = 4096;

/** All of standard input, without the line end that `echo` and editors put there. @throws TaishiError naming the flag */
export async function readSecretLine(flag: string): Promise<string> {
  const unreadable = (why: string): TaishiError =>
    new TaishiError("invalid-parameter", `${flag}: what came ${why}`, { field: flag });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > mostBytes) throw unreadable("is too long");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)).replace(/\r?\n$/, "");
  } catch {
    throw unreadable("is not UTF-8");
  }
}
