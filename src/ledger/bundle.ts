// A bundle: 256 consecutive entries as one compressed row. Its content is the C2SP entry bundle (big-endian u16 length
// before each entry); stored as four zstd frames of 64 entries, so that one entry costs the reading of one or two
// frames. Frames 1 to 3 use the first 4 KiB of frame 0's content as a raw zstd dictionary: entries of one log resemble
// each other, and that saves 5 of 84 bytes per entry at a lower level (docs/decisions/0004-bundles.md).
// Layout: u8 version (1) · u8 frames (4) · u32 CRC-32 of all that follows · frames × u32 end offsets, counted from the end
// of this header · frames. Integers are little-endian.
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { Fatal } from "../errors.ts";

export const bundleWidth = 256;
const frameWidth = 64;
const frameCount = bundleWidth / frameWidth;
const dictionaryBytes = 4096;
const offsetsAt = 6;
const headerBytes = offsetsAt + 4 * frameCount;
const params = { [constants.ZSTD_c_compressionLevel]: 1 };
/** 64 entries of 65,535 bytes with their lengths: what a frame can hold at most. */
const maxFrameContent = frameWidth * (65_535 + 2);

/** @param entries exactly 256 */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length !== bundleWidth) throw new RangeError(`a bundle has ${bundleWidth} entries`);
  const frames: Uint8Array[] = [];
  let dictionary: Buffer | undefined;
  for (let at = 0; at < bundleWidth; at += frameWidth) {
    const content = encodeEntries(entries.slice(at, at + frameWidth));
    frames.push(zstdCompressSync(content, dictionary === undefined ? { params } : { params, dictionary }));
    dictionary ??= content.subarray(0, dictionaryBytes);
  }
  const header = Buffer.alloc(headerBytes);
  header[0] = 1;
  header[1] = frameCount;
  let end = 0;
  frames.forEach((frame, i) => {
    end += frame.length;
    header.writeUInt32LE(end, offsetsAt + 4 * i);
  });
  const row = Buffer.concat([header, ...frames]);
  row.writeUInt32LE(crc32(row.subarray(offsetsAt)), 2);
  return row;
}

/** Gives decompressed frame contents; a cache may stand behind it. */
export interface FrameSource {
  frame(index: number): Uint8Array;
}

/** The frames of a stored bundle, each decompressed once at the most. @throws Fatal where the row is damaged */
export function openBundle(row: Uint8Array): FrameSource {
  const header = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  if (header.length < headerBytes || header[0] !== 1 || header[1] !== frameCount) throw damaged("its header");
  if (crc32(header.subarray(offsetsAt)) !== header.readUInt32LE(2)) throw damaged("its checksum does not fit");
  const contents: (Buffer | undefined)[] = [];
  const frame = (index: number): Buffer => {
    const known = contents[index];
    if (known !== undefined) return known;
    const from = headerBytes + (index === 0 ? 0 : header.readUInt32LE(offsetsAt + 4 * (index - 1)));
    const to = headerBytes + header.readUInt32LE(offsetsAt + 4 * index);
    if (from >= to || to > header.length) throw damaged("its offsets");
    const options = { maxOutputLength: maxFrameContent };
    try {
      const content = zstdDecompressSync(
        header.subarray(from, to),
        index === 0 ? options : { ...options, dictionary: frame(0).subarray(0, dictionaryBytes) },
      );
      contents[index] = content;
      return content;
    } catch (cause) {
      throw damaged(`frame ${index}`, cause);
    }
  };
  return { frame };
}

/** Which frame of its bundle the entry with this number is in. */
export function frameOf(seq: number): number {
  return Math.floor((seq % bundleWidth) / frameWidth);
}

/** The entry's bytes out of the frame that holds it. */
export function entryInFrame(content: Uint8Array, seq: number): Uint8Array {
  let at = 0;
  for (let skip = seq % frameWidth; skip > 0; skip--) at += 2 + lengthAt(content, at);
  return content.subarray(at + 2, at + 2 + lengthAt(content, at));
}

/** All 256 entries. @throws Fatal where the row is damaged */
export function decodeBundle(row: Uint8Array): readonly Uint8Array[] {
  const source = openBundle(row);
  const entries: Uint8Array[] = [];
  for (let index = 0; index < frameCount; index++) {
    const content = source.frame(index);
    const before = entries.length;
    for (let at = 0; at < content.length; at += 2 + lengthAt(content, at))
      entries.push(content.subarray(at + 2, at + 2 + lengthAt(content, at)));
    if (entries.length - before !== frameWidth) throw damaged(`the number of entries in frame ${index}`);
  }
  return entries;
}

/** The C2SP form of consecutive entries: each with its length before it. */
export function encodeEntries(entries: readonly Uint8Array[]): Buffer {
  const content = Buffer.allocUnsafe(entries.reduce((bytes, entry) => bytes + 2 + entry.length, 0));
  let at = 0;
  for (const entry of entries) {
    at = content.writeUInt16BE(entry.length, at);
    content.set(entry, at);
    at += entry.length;
  }
  return content;
}

function lengthAt(content: Uint8Array, at: number): number {
  if (at + 2 > content.length) throw damaged("an entry's length");
  const length = content[at]! * 256 + content[at + 1]!;
  if (at + 2 + length > content.length) throw damaged("an entry's length");
  return length;
}

function damaged(what: string, cause?: unknown): Fatal {
  return new Fatal(`a bundle is damaged: ${what}`, {
    hint: "Run `taishi fsck`; restore the ledger from a backup.",
    cause,
  });
}
