// The account's projects and database instances.
import { ask } from "../api.ts";

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly created: string;
}

export interface Instance {
  readonly id: string;
  readonly project: string;
  readonly created: string;
}

export interface Directory {
  readonly projects: readonly Project[];
  readonly instances: readonly Instance[];
}

export async function askDirectory(signal: AbortSignal): Promise<Directory> {
  const [{ projects }, { instances }] = await Promise.all([
    ask<{ projects: readonly Project[] }>("/api/v1/projects", { signal }),
    ask<{ instances: readonly Instance[] }>("/api/v1/instances", { signal }),
  ]);
  return { projects, instances };
}
