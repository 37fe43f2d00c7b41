// How many lines of server_audit one core parses a second: the payload's lines, repeated, with other numbers in each.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { mariadbAudit } from "../src/sources/mariadb-audit/source.ts";
import type { RawRecord } from "../src/sources/source.ts";

const file = join(import.meta.dirname, "../src/sources/mariadb-audit/payloads/file.log");
const lines = readFileSync(file, "utf8").trimEnd().split("\n");
const read = Date.UTC(2026, 10, 21, 12);
const rounds = 20;
const perRound = 100_000;

const records: RawRecord[] = [];
for (let i = 0; i < perRound; i++)
  records.push({ text: lines[i % lines.length]!.replace(",9,", `,${i},`).replace(":15:", `:${10 + (i % 50)}:`), read });

for (const zone of ["UTC", "Europe/Berlin"]) {
  const parser = mariadbAudit.parser({ zone, ident: "", info: "", ipv6Port: false } as never);
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = process.hrtime.bigint();
    let events = 0;
    for (const record of records) events += parser.take(record).length;
    if (events !== perRound) throw new Error(`${events} outcomes of ${perRound} lines`);
    rates.push(perRound / (Number(process.hrtime.bigint() - began) / 1e9));
  }
  rates.sort((a, b) => a - b);
  process.stdout.write(
    `${zone}: ${Math.round(rates[rounds / 2]!)} lines/s (median of ${rounds}; least ${Math.round(rates[0]!)})\n`,
  );
}
