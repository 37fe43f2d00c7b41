// `taishi witness`: runs a witness until a signal. Prints its verifier key, and a line when it listens.
import { resolve } from "node:path";
import { readListen } from "../config.ts";
import { TaishiError } from "../errors.ts";
import { runWitness } from "../flow/witness-house.ts";
import { stopOnSignals } from "./stop-on-signals.ts";
import type { Definition } from "./verb.ts";

interface WitnessFlags {
  readonly data: string;
  readonly listen: string;
  readonly name?: string;
  readonly log?: readonly string[];
  readonly logs?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecureHttp?: boolean;
  readonly logLevel: string;
}

const flagNames = { listen: "--listen", tlsCert: "--tls-cert", tlsKey: "--tls-key" } as const;

export const witness: Definition = (command, terminal) => {
  command
    .requiredOption("--data <dir>", "the witness's own directory; made where it is missing")
    .option("--listen <host:port>", "address to listen on; port 0 takes a free one", "127.0.0.1:7549")
    .option("--name <name>", "its name in cosignatures, a URL without scheme; needed once, and for ever")
    .option("--log <vkey...>", "keys of the logs it cosigns")
    .option("--logs <file>", "a file of such keys, one a line; read again on SIGHUP")
    .option("--tls-cert <file>", "certificate chain in PEM; read again on SIGHUP")
    .option("--tls-key <file>", "private key in PEM")
    .option("--insecure-http", "allow plain HTTP on an address that is not loopback")
    .option("--log-level <level>", "trace, debug, info, warn, error or silent", "info")
    .action(async (flags: WitnessFlags) => {
      const { insecureHttp = false, listen } = flags;
      const file = (path: string | undefined) => (path === undefined ? undefined : resolve(path));
      const where = readListen(
        { listen, tlsCert: file(flags.tlsCert), tlsKey: file(flags.tlsKey), insecureHttp },
        (name, why) => new TaishiError("invalid-parameter", `${flagNames[name]}: ${why}`, { field: flagNames[name] }),
      );
      const running = await runWitness(
        {
          ...where,
          data: resolve(flags.data),
          name: flags.name,
          logs: flags.log ?? [],
          logsFile: file(flags.logs),
          logLevel: flags.logLevel,
        },
        (code, { message }) => {
          if (flags.logLevel === "silent") terminal.err(`taishi: ${message}`);
          process.exit(code);
        },
      );
      stopOnSignals(running, terminal);
      terminal.out(running.vkey);
      terminal.out(`taishi witness listening on ${running.url}`);
    });
};
