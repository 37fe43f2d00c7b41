// What the figures were made on: processors, memory, kernel, file system, and how long an fsync takes here.
import { spawnSync } from "node:child_process";
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { availableParallelism, cpus, release, type as systemType, totalmem } from "node:os";
import { join } from "node:path";
import { median, percentile } from "./statistics.ts";

export function describeMachine(directory: string): readonly string[] {
  const model = cpus()[0]?.model.trim().replace(/\s+/g, " ") ?? "unknown processor";
  const milliseconds = fsyncTimes(directory);
  return [
    `machine: ${availableParallelism()} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${systemType()} ${release()}`,
    `disk: ${fileSystem(directory)}, write and fsync of 4 KiB ${median(milliseconds).toFixed(2)} ms (p99 ${percentile(milliseconds, 0.99).toFixed(2)} ms)`,
  ];
}

/** E.g. "ext2/ext3" as stat(1) calls the family. */
export function fileSystem(directory: string): string {
  const asked = spawnSync("findmnt", ["--noheadings", "--output", "FSTYPE", "--target", directory], {
    encoding: "utf8",
  });
  if (asked.status === 0) return asked.stdout.trim();
  const stat = spawnSync("stat", ["--file-system", "--format=%T", directory], { encoding: "utf8" });
  return stat.status === 0 ? stat.stdout.trim() : "unknown file system";
}

function fsyncTimes(directory: string): readonly number[] {
  const path = join(directory, "fsync-probe");
  const file = openSync(path, "w", 0o600);
  try {
    const block = Buffer.alloc(4096, 1);
    return Array.from({ length: 100 }, () => {
      const start = performance.now();
      writeSync(file, block);
      fsyncSync(file);
      return performance.now() - start;
    });
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
