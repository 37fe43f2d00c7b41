// How fast `taishi verify` checks an exported log of a million entries: workload W through the real service, exported, and
// verified by a process of its own without the data directory. Run by hand: node bench/verify-export.ts [EVENTS] [DIR].
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstKey, TaishiProcess, taishi, taishiJson } from "../test/taishi-process.ts";
import { load } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { median } from "./statistics.ts";

const rounds = 3;
const events = Number(process.argv[2] ?? 1_000_000);
const base = mkdtempSync(join(process.argv[3] ?? tmpdir(), "taishi-verify-bench-"));
const say = (text: string): void => void process.stdout.write(`${text}\n`);
try {
  const data = join(base, "data");
  const directory = join(base, "export");
  const service = await TaishiProcess.serve({ data });
  const credentials = firstKey(data);
  await load({ to: "http", url: service.url, token: credentials.token }, events, () => {});
  const flags = ["--account", credentials.account, "--data", data];
  let size = 0;
  while (size < events) ({ size } = await taishiJson<{ size: number }>("log", "export", directory, ...flags));
  const { vkey } = await taishiJson<{ vkey: string }>("log", "key", ...flags);
  await service.stop();
  rmSync(data, { recursive: true });

  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const { code, stdout } = await taishi("verify", directory, "--key", vkey);
    const seconds = (performance.now() - start) / 1000;
    if (code !== 0) throw new Error(stdout);
    rates.push(size / seconds);
  }
  for (const line of describeMachine(base)) say(`- ${line}`);
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  say(
    `- an export of ${size} entries: ${files.length} files, ${(bytes / 1e6).toFixed(0)} MB, just written and so in memory`,
  );
  const [least, most] = [Math.min(...rates), Math.max(...rates)].map((rate) => Math.round(rate).toLocaleString("en"));
  say(`- \`taishi verify\`, start of the program included, ${rounds} rounds:`);
  say(`  ${Math.round(median(rates)).toLocaleString("en")} entries/s (${least}–${most})`);
} finally {
  rmSync(base, { recursive: true, force: true });
}
