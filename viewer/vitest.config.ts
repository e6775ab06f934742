import { defineConfig } from "vitest/config";
import { viteWasm } from "./build-plugins.mjs";

export default defineConfig({
  plugins: [viteWasm],
  test: { include: ["test/**/*.test.ts"], maxWorkers: 2 },
});
