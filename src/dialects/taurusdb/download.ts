// From a signed link to the bytes of one audit log file, for the server to stream. The link is all the authority there is:
// it is checked before anything is looked up. What is sent is never shown by a browser as anything but text to be saved.
import type { AuditFile, AuditFiles } from "../../audit-files/port.ts";
import { TaishiError } from "../../errors.ts";
import type { Directory } from "../../identity/directory.ts";
import type { Links } from "./links.ts";

export interface Download {
  readonly account: string;
  readonly instance: string;
  readonly file: AuditFile;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the content, exactly. */
  readonly length: number;
  /** Fails, and so must break the connection, where it would not be `length` bytes. */
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * Opens what a link leads to.
 * @param target path and query as on the request line
 * @param now epoch milliseconds
 * @throws TaishiError link-void | not-found (retired, or the instance is gone)
 */
export type OpenDownload = (target: string, now: number) => Promise<Download>;

export interface DownloadOptions {
  readonly files: Pick<AuditFiles, "file" | "content">;
  readonly directory: Pick<Directory, "instance">;
  readonly links: Links;
}

export function createDownload({ files, directory, links }: DownloadOptions): OpenDownload {
  return async (target, now) => {
    const { account, instance, file: id } = links.read(target, now);
    if (directory.instance(instance)?.account !== account) throw new TaishiError("not-found");
    const ref = { account, instance };
    const file = await files.file(ref, id);
    if (file === undefined) throw new TaishiError("not-found");
    return {
      account,
      instance,
      file,
      headers: downloadHeaders(file),
      length: file.bytes,
      content: measured(files.content(ref, file), file.bytes),
    };
  };
}

const longestFileName = 200;

function downloadHeaders({ name, bytes }: AuditFile): Readonly<Record<string, string>> {
  // Names of imported files are anybody's: only what cannot end the header or the quotes goes in.
  const safe = name.replace(/[^0-9A-Za-z._-]/g, "_").slice(0, longestFileName);
  return {
    "content-type": "text/plain; charset=utf-8",
    "content-length": String(bytes),
    "content-disposition": `attachment; filename="${safe}"`,
    "content-security-policy": "sandbox",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
  };
}

/** A file cut short must never look whole (I5). */
async function* measured(content: AsyncIterable<Uint8Array>, length: number): AsyncIterable<Uint8Array> {
  let sent = 0;
  for await (const chunk of content) {
    sent += chunk.length;
    if (sent > length) break;
    yield chunk;
  }
  if (sent !== length)
    throw new TaishiError("internal", undefined, {
      cause: new Error(`an audit log file of ${length} bytes came out with ${sent > length ? "more" : sent}`),
    });
}
