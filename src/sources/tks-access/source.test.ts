import { testSource } from "../source.contract.ts";
import { tksAccess } from "./source.ts";

testSource(tksAccess, import.meta.dirname);
