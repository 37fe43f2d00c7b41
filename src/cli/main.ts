#!/usr/bin/env -S node --disable-warning=ExperimentalWarning --max-semi-space-size=16
// The program `taishi`: finds the command, runs it, and turns what it throws into a message, a hint and an exit code:
// 0 done, 1 it failed or found something wrong, 2 the command line itself is wrong.
import { Command, CommanderError } from "commander";
import { Fatal, TaishiError } from "../errors.ts";
import { readVersion } from "../version.ts";
import { processTerminal } from "./terminal.ts";
import { verbs } from "./verbs.ts";

// Whatever a command makes is its owner's alone.
process.umask(0o077);
const terminal = processTerminal();
const program = new Command("taishi")
  .description("A tamper-evident audit log that speaks the clouds' own audit APIs.")
  .version(readVersion())
  .showHelpAfterError("(see --help)")
  .exitOverride();
// Of the commands that are not named there is only what `--help` lists.
for (const verb of verbs) {
  const command = program.command(verb.name).description(verb.summary).exitOverride();
  if (!process.argv.includes(verb.name)) continue;
  (await verb.load())(command, terminal);
  for (const below of command.commands) below.exitOverride();
}

try {
  await program.parseAsync(process.argv);
} catch (thrown) {
  process.exitCode = report(thrown);
}

function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
  terminal.progress("");
  if (thrown instanceof TaishiError) {
    terminal.err(`taishi: ${thrown.message}`);
    return 1;
  }
  if (thrown instanceof Fatal) {
    terminal.err(`taishi: ${thrown.message}`);
    if (thrown.cause instanceof Error) terminal.err(`  because: ${thrown.cause.message}`);
    if (thrown.hint !== undefined) terminal.err(`  ${thrown.hint}`);
    return 1;
  }
  if (thrown instanceof Error && "syscall" in thrown) {
    terminal.err(`taishi: ${thrown.message}`);
    if ("code" in thrown && thrown.code === "EADDRINUSE")
      terminal.err("  Another program listens there; stop it or choose another address with --listen.");
    return 1;
  }
  terminal.err(`taishi: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  return 1;
}
