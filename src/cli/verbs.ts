// The commands of `taishi`, each in a file of its own. docs/cli.md names the same; a test compares the two.

import { account } from "./account.ts";
import { append } from "./append.ts";
import { backup, restore } from "./backup.ts";
import { checkpoint } from "./checkpoint.ts";
import { collect } from "./collect.ts";
import { fsck } from "./fsck.ts";
import { importFile } from "./import.ts";
import { instance } from "./instance.ts";
import { key } from "./key.ts";
import { list } from "./list.ts";
import { log } from "./log.ts";
import { monitor } from "./monitor.ts";
import { project } from "./project.ts";
import { proof } from "./proof.ts";
import { reindex } from "./reindex.ts";
import { retention } from "./retention.ts";
import { rules } from "./rules.ts";
import { serve } from "./serve.ts";
import { user } from "./user.ts";
import type { Verb } from "./verb.ts";
import { verify } from "./verify.ts";
import { witness } from "./witness.ts";

export const verbs: readonly Verb[] = [
  serve,
  account,
  key,
  user,
  project,
  instance,
  append,
  importFile,
  collect,
  rules,
  list,
  fsck,
  reindex,
  retention,
  backup,
  restore,
  checkpoint,
  log,
  proof,
  verify,
  witness,
  monitor,
];
