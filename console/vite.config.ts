import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// biome-ignore lint/style/noDefaultExport: Vite asks for it
export default defineConfig({
  base: "/console/",
  plugins: [react()],
  build: { outDir: "dist", target: "es2023", sourcemap: false, chunkSizeWarningLimit: 1200 },
  server: { proxy: { "/api": "http://127.0.0.1:7548", "/log": "http://127.0.0.1:7548" } },
});
