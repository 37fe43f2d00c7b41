// What a command of `taishi` is put together from, and the flags that several have.
import type { Command } from "commander";
import { settings } from "../config.ts";
import type { Terminal } from "./terminal.ts";

/** Adds arguments, flags and what is done to a command of its name. */
export type Definition = (command: Command, terminal: Terminal) => void;

/** The flags of every command that opens a data directory. */
export function dataFlags(command: Command): Command {
  return command
    .option(settings.data.flag, `${settings.data.help} (default ${settings.data.default})`)
    .option(settings.secrets.flag, settings.secrets.help)
    .option(settings.anchor.flag, settings.anchor.help);
}

export const jsonFlag = ["--json", "print JSON"] as const;
