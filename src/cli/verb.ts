// What a command of `taishi` is: a name, a line of help, and how it is put together.
import type { Command } from "commander";
import { settings } from "../config.ts";
import type { Terminal } from "./terminal.ts";

export interface Verb {
  readonly name: string;
  readonly summary: string;
  /** Adds arguments, flags and what is done to a command of this name. */
  define(command: Command, terminal: Terminal): void;
}

/** The flags of every command that opens a data directory. */
export function dataFlags(command: Command): Command {
  return command
    .option(settings.data.flag, `${settings.data.help} (default ${settings.data.default})`)
    .option(settings.secrets.flag, settings.secrets.help)
    .option(settings.anchor.flag, settings.anchor.help);
}

export const jsonFlag = ["--json", "print JSON"] as const;
