// A log on another host, read over HTTP: a service's /log/<account>/ or the same files from any web server.
import { GapError, type LogFiles, UnreachableError } from "../witness/tile-reader.ts";
import { type HttpReply, request } from "./http-client.ts";

const timeoutMs = 30_000;
const checkpointLimit = 64 * 1024;
/** 256 entries of 65,535 bytes, each with two of length. */
const bundleLimit = 256 * 65_537;
/** A service that is busy is asked again, this often and after so long. */
const tries = 3;
const pauseMs = 500;

/** @param prefix with or without its last slash */
export function remoteLog(prefix: string, token: string | undefined): LogFiles {
  const base = prefix.replace(/\/+$/, "");
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const get = async (path: string, limit: number): Promise<HttpReply> => {
    for (let count = 1; ; count++) {
      let reply: HttpReply;
      try {
        reply = await request(`${base}/${path}`, { method: "GET", headers, timeoutMs, limit });
      } catch (thrown) {
        if (count < tries) {
          await new Promise((resolve) => setTimeout(resolve, pauseMs));
          continue;
        }
        throw new UnreachableError(`${path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      }
      const { status } = reply;
      if (status === 200 || status === 410) return reply;
      if (status === 404) throw new GapError(`${path} is not there (404)`);
      if ((status === 429 || status >= 500) && count < tries) {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        continue;
      }
      const hint = status === 401 || status === 403 ? ": a reader's token is needed" : "";
      throw new UnreachableError(`${path} was answered with ${status}${hint}`);
    }
  };
  const present = async (path: string, limit: number): Promise<Uint8Array> => {
    const { status, body } = await get(path, limit);
    if (status === 410) throw new GapError(`${path} is gone (410)`);
    return body;
  };
  return {
    checkpoint: async () => Buffer.from(await present("checkpoint", checkpointLimit)).toString("utf8"),
    tile: (path) => present(path, checkpointLimit),
    bundle: async (path) => {
      const { status, body } = await get(path, bundleLimit);
      return status === 410 ? undefined : body;
    },
  };
}
