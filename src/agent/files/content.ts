// The bytes of one open file, plain or compressed, read at a place. An open file stays what it is when its name goes to
// another or is deleted; only truncation changes it. Never waits for a writer: a FIFO is refused.
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { hashOf, tailLength } from "./known-streams.ts";
import type { Compression } from "./rotated-name.ts";

const packedLength = 256 * 1024;

export interface Shape {
  /** Device and inode: the same file under any name, for as long as it is there. */
  readonly key: string;
  readonly size: number;
  readonly changed: bigint;
}

export interface Content {
  /** As it is now; of what is compressed, its compressed size. */
  shape(): Promise<Shape>;
  /**
   * Reads at a place into a buffer, as much as fits.
   * @returns the part of the buffer that was filled: shorter only where the content ends, for now
   */
  read(at: number, into: Buffer): Promise<Buffer>;
  /** Of what is compressed: why it ends before its end. A file that is being written looks so. */
  readonly failure: Error | undefined;
  /** To be called where the file may have changed. */
  rewind(): void;
  close(): Promise<void>;
}

/** @throws the operating system's error, or one of ours where it is not a file */
export async function openContent(path: string, compression: Compression | undefined): Promise<Content> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!(await handle.stat()).isFile()) throw new Error("it is not a file");
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
  return compression === undefined ? new PlainContent(handle) : new CompressedContent(handle, compression);
}

class PlainContent implements Content {
  readonly failure: undefined;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  shape(): Promise<Shape> {
    return shapeOf(this.#handle);
  }

  async read(at: number, into: Buffer): Promise<Buffer> {
    let filled = 0;
    while (filled < into.length) {
      const { bytesRead } = await this.#handle.read(into, filled, into.length - filled, at + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return into.subarray(0, filled);
  }

  rewind(): void {}

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Reads forward; to go back it begins again. */
class CompressedContent implements Content {
  readonly #handle: FileHandle;
  readonly #compression: Compression;
  #unpacked: Gunzip | ZstdDecompress | undefined;
  #chunks: AsyncIterator<Buffer> | undefined;
  /** What was unpacked and may be asked for: the bytes at #at and after it. */
  #window: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Where the decompressor began: a decompressor of zstd reads one frame only. */
  #packedAt = 0;
  #ended = false;
  failure: Error | undefined;

  constructor(handle: FileHandle, compression: Compression) {
    this.#handle = handle;
    this.#compression = compression;
  }

  shape(): Promise<Shape> {
    return shapeOf(this.#handle);
  }

  async read(at: number, into: Buffer): Promise<Buffer> {
    if (this.#chunks === undefined || at < this.#at) this.#begin();
    while (this.#at + this.#window.length < at + into.length) {
      const chunk = await this.#next();
      const skip = Math.min(this.#window.length, Math.max(0, at - this.#at));
      this.#at += skip;
      const rest = this.#window.subarray(skip);
      if (chunk === undefined) {
        this.#window = rest;
        break;
      }
      this.#window = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    }
    const from = at - this.#at;
    const length = Math.max(0, Math.min(into.length, this.#window.length - from));
    if (length > 0) this.#window.copy(into, 0, from, from + length);
    return into.subarray(0, length);
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#handle.close();
  }

  rewind(): void {
    this.failure = undefined;
    this.#begin();
  }

  #begin(): void {
    this.#window = Buffer.alloc(0);
    this.#at = 0;
    this.#ended = false;
    this.#unpack(0);
  }

  #unpack(start: number): void {
    this.#stop();
    this.#packedAt = start;
    const packed = Readable.from(packedFrom(this.#handle, start), { objectMode: false });
    const unpacked = this.#compression === "gzip" ? createGunzip() : createZstdDecompress();
    packed.on("error", (error) => unpacked.destroy(error));
    unpacked.on("close", () => packed.destroy());
    this.#unpacked = packed.pipe(unpacked);
    this.#chunks = unpacked[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async #next(): Promise<Buffer | undefined> {
    while (!this.#ended)
      try {
        const { value, done } = await this.#chunks!.next();
        if (done !== true) return value as Buffer;
        const { size } = await this.#handle.stat();
        const end = this.#packedAt + this.#unpacked!.bytesWritten;
        if (this.#compression === "gzip" || end === this.#packedAt || end >= size) this.#ended = true;
        else this.#unpack(end);
      } catch (thrown) {
        // Told by failure: what came before it is good.
        this.failure = thrown as Error;
        this.#ended = true;
      }
    return undefined;
  }

  #stop(): void {
    this.#unpacked?.on("error", () => undefined); // nobody reads it any more
    this.#unpacked?.destroy();
    this.#unpacked = undefined;
    this.#chunks = undefined;
  }
}

/** The bytes before an offset, tailLength of them where there are so many, fewer where it ends before. */
export async function bytesBefore(content: Content, offset: number): Promise<Buffer> {
  const from = Math.max(0, offset - tailLength);
  return content.read(from, Buffer.alloc(offset - from));
}

/** @returns undefined where the content does not go so far */
export async function tailAt(content: Content, offset: number): Promise<string | undefined> {
  const bytes = await bytesBefore(content, offset);
  return bytes.length === Math.min(offset, tailLength) ? hashOf(bytes) : undefined;
}

/** Bytes when expanded; of what is compressed all of it is read. */
export async function lengthOf(content: Content, compression: Compression | undefined): Promise<number> {
  if (compression === undefined) return (await content.shape()).size;
  const into = Buffer.allocUnsafeSlow(packedLength);
  let length = 0;
  for (;;) {
    const { length: read } = await content.read(length, into);
    length += read;
    if (read < into.length) return length;
  }
}

async function* packedFrom(handle: FileHandle, start: number): AsyncGenerator<Buffer> {
  for (let at = start; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(packedLength), 0, packedLength, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function shapeOf(handle: FileHandle): Promise<Shape> {
  const { dev, ino, size, mtimeNs } = await handle.stat({ bigint: true });
  return { key: `${dev}:${ino}`, size: Number(size), changed: mtimeNs };
}
