// Every source there is, by the name that configurations and entries use.
import type { Source } from "../sources/source.ts";

const all: readonly Source[] = [];

export const sources: ReadonlyMap<string, Source> = new Map(all.map((source) => [source.name, source]));
