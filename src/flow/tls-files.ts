// Reads a certificate and its key, at the start and again on SIGHUP.
import { readFileSync } from "node:fs";
import { Fatal } from "../errors.ts";

/** @throws Fatal naming both files */
export function readTls({ certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }): {
  readonly cert: Buffer;
  readonly key: Buffer;
} {
  try {
    return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  } catch (cause) {
    throw new Fatal("the TLS certificate or key cannot be read", { hint: `Check ${certFile} and ${keyFile}.`, cause });
  }
}
