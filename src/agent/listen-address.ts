// Where an input listens, as configurations write it. Pure.
import { TaishiError } from "../errors.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * @param text e.g. "127.0.0.1:7550", "[::1]:7550" or "localhost"
 * @param usualPort where none is written
 * @throws TaishiError invalid-parameter
 */
export function hostPort(text: string, usualPort?: number): HostPort {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]/\s]+))(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[3] === undefined ? usualPort : Number(match[3]);
  if (match === null || port === undefined || port > 65_535)
    throw new TaishiError("invalid-parameter", `listen: "${text}" is not of the form HOST:PORT`, { field: "listen" });
  return { host: match[1] ?? match[2]!, port };
}

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/** Whether only this machine can reach it. */
export function isLoopback({ host }: HostPort): boolean {
  return loopback.test(host);
}

export function written({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
