// Builds the console into console/dist. Run by `npm ci` (prepare); where only what the service needs is installed there is
// nothing to build with, and the service says so at /console/.
import { build, createLogger } from "vite";

const logger = createLogger("warn");
await build({ root: import.meta.dirname, customLogger: logger });
process.stderr.write("console built\n");
