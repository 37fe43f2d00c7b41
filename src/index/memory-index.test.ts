import { indexStoreContract } from "./index-store.contract.ts";
import { MemoryIndex } from "./memory-index.ts";

indexStoreContract("memory", () => new MemoryIndex());
