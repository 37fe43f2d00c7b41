// `taishi log`: what concerns the logs themselves, not their events. Each sub-command is in a file of its own.
import { defineLinks } from "./log-links.ts";
import { defineRotateKey } from "./log-rotate-key.ts";
import type { Verb } from "./verb.ts";

export const log: Verb = {
  name: "log",
  summary: "rotate the logs' signing key, show what links old keys to new ones",
  define(command, terminal) {
    defineRotateKey(command, terminal);
    defineLinks(command, terminal);
  },
};
