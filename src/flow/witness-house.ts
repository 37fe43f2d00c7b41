// A witness as a process of its own: its directory (owner's lock, key, what it remembers), the logs it trusts, and the
// listener in front. Shares nothing with a service's data directory; on the same host as the service it would prove little.
import type { KeyObject } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../clock.ts";
import type { Listen } from "../config.ts";
import { acquireOwner } from "../durable/owner.ts";
import { openSigningKey } from "../durable/secret-file.ts";
import { Fatal } from "../errors.ts";
import { createLog } from "../log.ts";
import { ed25519, parseVerifierKey, type VerifierKey } from "../merkle/note.ts";
import { WitnessListener } from "../server/witness-listener.ts";
import { sha256 } from "../witness/ed25519.ts";
import { failureAnswer, Witness } from "../witness/witness.ts";
import { WitnessStore } from "../witness/witness-store.ts";
import { stopOnFatal } from "./thread-calls.ts";
import { readTls } from "./tls-files.ts";

export interface WitnessConfig extends Listen {
  /** Absolute. */
  readonly data: string;
  /** Needed at the first start; must stay the same. */
  readonly name: string | undefined;
  /** Verifier keys of logs, and a file of more, one a line. */
  readonly logs: readonly string[];
  readonly logsFile: string | undefined;
  readonly logLevel: string;
}

export interface RunningWitness {
  readonly vkey: string;
  readonly url: string;
  /** Reads the file of logs and the TLS files again. */
  reload(): void;
  close(): Promise<void>;
}

/** @throws Fatal where the directory, the key, a log's key or a file is not what it should be */
export async function runWitness(
  config: WitnessConfig,
  exit: (code: number, error: Fatal) => void,
): Promise<RunningWitness> {
  const log = createLog(config.logLevel);
  const onFatal = stopOnFatal(log, exit);
  const logs = readLogs(config);
  const opened = new AsyncDisposableStack();
  try {
    const owner = acquireOwner(config.data, { pid: process.pid });
    opened.defer(() => owner.release());
    const path = join(config.data, "witness.db");
    const privateKey = openKey(join(config.data, "witness.pem"), existsSync(path), config.name);
    const store = WitnessStore.open(path, config.name);
    opened.defer(() => store.close());
    const witness = new Witness({ store, privateKey, logs, clock: systemClock, log });
    const listener = new WitnessListener({
      answer: (request) => witness.answer(request),
      failure: failureAnswer,
      ...(config.tls === undefined ? {} : { tls: readTls(config.tls) }),
      log,
      onFatal,
    });
    const { address, family, port } = await listener.listen(config.host, config.port);
    opened.defer(() => listener.close());
    const host = family === "IPv6" ? `[${address}]` : address;
    return {
      vkey: witness.vkey,
      url: `${config.tls === undefined ? "http" : "https"}://${host}:${port}`,
      reload: () => {
        witness.trust(readLogs(config));
        if (config.tls !== undefined) listener.reloadTls(readTls(config.tls));
      },
      close: () => opened.disposeAsync(),
    };
  } catch (thrown) {
    await opened.disposeAsync();
    throw thrown;
  }
}

/** The key is made with the memory, once: neither may outlive the other. */
function openKey(path: string, hasMemory: boolean, name: string | undefined): KeyObject {
  if (hasMemory) return openSigningKey(path, { create: false });
  if (name === undefined || !/^[^\s+]{1,200}$/.test(name))
    throw new Fatal("a new witness needs a name without spaces and plus signs", {
      hint: "Give one with --name, such as witness.example.com/taishi.",
    });
  if (existsSync(path))
    throw new Fatal(`there is a key ${path}, but nothing of what it has cosigned`, {
      hint: "With this key a second history could be cosigned: restore witness.db as it was last. Only where it never cosigned anything, remove the key and start again.",
    });
  return openSigningKey(path, { create: true });
}

/** One verifier key a line; "#" begins a comment, and the word "log" may stand before, as in a policy. */
function readLogs({ logs, logsFile }: WitnessConfig): readonly VerifierKey[] {
  const lines = logsFile === undefined ? [] : readLines(logsFile);
  const keys = [...logs, ...lines].map((text) => {
    try {
      const key = parseVerifierKey(sha256, text);
      if (key.type !== ed25519 || key.publicKey.length !== 32) throw new SyntaxError("not an Ed25519 log key");
      return key;
    } catch (cause) {
      throw new Fatal(`${text} is not the verifier key of a log`, {
        hint: "`taishi log key --account ID` prints it.",
        cause,
      });
    }
  });
  if (keys.length === 0)
    throw new Fatal("a witness needs a log to cosign", {
      hint: "Name its key with --log, or keys in a file with --logs.",
    });
  return keys;
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .map((line) =>
        line
          .replace(/#.*$/, "")
          .trim()
          .replace(/^log\s+/, ""),
      )
      .filter((line) => line !== "");
  } catch (cause) {
    throw new Fatal(`the file of logs ${path} cannot be read`, { cause });
  }
}
