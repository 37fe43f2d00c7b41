import { testSource } from "../source.contract.ts";
import { jsonLines } from "./source.ts";

testSource(jsonLines, import.meta.dirname);
