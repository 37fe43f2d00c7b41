// How fast the agent's file input reads one big file of 150-byte lines: from disk cache to batches that nobody does anything
// with. Run by hand: node bench/follow.ts [LINES] [DIR].
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileInput } from "../src/agent/files/file-input.ts";
import { systemClock } from "../src/clock.ts";
import { describeMachine } from "./machine.ts";
import { median } from "./statistics.ts";

const rounds = 5;
const mark = 300_000;
const lines = Number(process.argv[2] ?? 2_000_000);
const base = mkdtempSync(join(process.argv[3] ?? tmpdir(), "taishi-follow-bench-"));
const say = (text: string): void => void process.stdout.write(`${text}\n`);
try {
  const path = join(base, "big.log");
  write(path, lines);
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const input = new FileInput([path], { once: true, base, clock: systemClock });
    let records = 0;
    let bytes = 0;
    const start = performance.now();
    const handOver = async (batch: { readonly records: readonly { readonly record: { readonly text: string } }[] }) => {
      records += batch.records.length;
      for (const { record } of batch.records) bytes += record.text.length + 1;
    };
    await input.run(handOver, undefined, new AbortController().signal);
    rates.push(records / ((performance.now() - start) / 1000));
    if (records !== lines || bytes !== lines * 150) throw new Error(`${records} of ${lines} lines, ${bytes} bytes`);
  }
  for (const line of describeMachine(base)) say(`- ${line}`);
  const [least, most] = [Math.min(...rates), Math.max(...rates)].map((rate) => Math.round(rate).toLocaleString("en"));
  say(`- a file of ${lines.toLocaleString("en")} lines of 150 bytes, just written and so in memory, ${rounds} rounds:`);
  const reached = median(rates) >= mark ? "reached" : "not reached";
  say(
    `  ${Math.round(median(rates)).toLocaleString("en")} lines/s (${least}–${most}), mark ≥ ${mark.toLocaleString("en")}: ${reached}`,
  );
} finally {
  rmSync(base, { recursive: true, force: true });
}

function write(path: string, count: number): void {
  const file = openSync(path, "w");
  for (let from = 0; from < count; from += 10_000) {
    const part = Array.from({ length: Math.min(10_000, count - from) }, (_, i) =>
      `2026-11-21T10:00:00.000000+00:00 node-1 sshd[${from + i}]: Accepted publickey for deploy from 192.0.2.7 port 50022 ssh2`.padEnd(
        149,
        ".",
      ),
    );
    writeSync(file, `${part.join("\n")}\n`);
  }
  closeSync(file);
}
