// What the commands print and how: tables for people, JSON for programs, progress only on a terminal. Everything that
// came from an event is escaped before it reaches a terminal: control and bidi characters could forge what is seen.
import { formatSeconds } from "../event/time.ts";

export interface Terminal {
  readonly isTerminal: boolean;
  out(line: string): void;
  err(line: string): void;
  /** Replaces the progress line; nothing where stderr is no terminal. */
  progress(text: string): void;
}

export function processTerminal(): Terminal {
  const live = process.stderr.isTTY === true;
  // Who reads us may have had enough, as head has.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    isTerminal: process.stdout.isTTY === true,
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    progress: (text) => {
      if (live) process.stderr.write(`\r\u001b[K${text}`);
    },
  };
}

/** Control, bidi and other invisible characters as \u{…}. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}

/** Rows under headings, columns as wide as their widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd();
  return [line(headings), ...rows.map(line)].join("\n");
}

export function shortTime(time: number | undefined): string {
  return time === undefined ? "-" : formatSeconds(time);
}
