/** The page inside a package: asks for the access code, then shows what the package holds. */
import "../styles/viewer.css";
import { boot } from "../boot/index.ts";
import { LANGUAGE } from "../strings.ts";
import { openViewer } from "./open.ts";
import { Gate } from "./unlock.ts";

const root = document.getElementById("app") ?? document.body.appendChild(document.createElement("div"));
document.documentElement.lang = LANGUAGE;
const gate = new Gate(root, (pkg) => openViewer(root, pkg, { copy: null }));
gate.opening();
boot(
  (locked) => gate.ask(locked),
  (accept) => gate.needFile(accept),
  (error) => gate.fail(error),
);
