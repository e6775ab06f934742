/** The page inside a package: asks for the access code, then shows what the package holds. */
import { boot } from "../boot/index.ts";

boot(
  () => undefined,
  () => undefined,
  () => undefined,
);
