/** The exchange's page for a recipient: mail code, access code, then the viewer over Range requests. */
import "../styles/viewer.css";
import { LANGUAGE } from "../strings.ts";
import { RecipientApi } from "./api.ts";
import { RecipientPage } from "./page.ts";

const root = document.getElementById("app") ?? document.body.appendChild(document.createElement("div"));
document.documentElement.lang = LANGUAGE;
const base = location.pathname.replace(/\/+$/, "");
new RecipientPage(root, new RecipientApi(base)).start();
