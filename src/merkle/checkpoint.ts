// The body of a C2SP tlog-checkpoint and the message that a timestamped cosignature covers. Pure text.
import { fromBase64, toBase64 } from "./note.ts";

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/** Three lines: origin, decimal size, base64 root. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/**
 * Lines after the third are the log's extensions: opaque, signed like the rest, not given back.
 * @throws SyntaxError where the text is not a checkpoint's body, naming the line
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, size, root, ...rest] = text.split("\n");
  if (!text.endsWith("\n") || !origin || size === undefined || root === undefined || rest.length < 1)
    throw new SyntaxError("a checkpoint has three lines: origin, size, root");
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw new SyntaxError("line 2 of the checkpoint is not a size in decimal");
  const bytes = rootIn(root);
  if (bytes?.length !== 32) throw new SyntaxError("line 3 of the checkpoint is not a base64 hash of 32 bytes");
  const empty = rest.indexOf("");
  if (empty < rest.length - 1) throw new SyntaxError(`line ${4 + empty} of the checkpoint is empty`);
  return { origin, size: Number(size), root: bytes };
}

function rootIn(line: string): Uint8Array | undefined {
  try {
    return fromBase64(line);
  } catch {
    return undefined; // the caller names the line
  }
}

/** What a cosignature/v1 (signature type 0x04) signs. @param time whole seconds since the epoch */
export function cosignedMessage(time: number, checkpointText: string): string {
  return `cosignature/v1\ntime ${time}\n${checkpointText}`;
}

/** The blob of a cosignature/v1: time as a big-endian u64, then the 64-byte signature. */
export function cosignatureBlob(time: number, signature: Uint8Array): Uint8Array {
  const blob = new Uint8Array(8 + signature.length);
  new DataView(blob.buffer).setBigUint64(0, BigInt(time));
  blob.set(signature, 8);
  return blob;
}

/** @throws RangeError where the blob is too short */
export function parseCosignatureBlob(blob: Uint8Array): { readonly time: number; readonly signature: Uint8Array } {
  const time = Number(new DataView(blob.buffer, blob.byteOffset, blob.byteLength).getBigUint64(0));
  return { time, signature: blob.slice(8) };
}
