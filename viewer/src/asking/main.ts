/** The exchange's page to ask for images with: mail code, form, encrypted in this browser. */
import "../styles/asking.css";
import { LANGUAGE } from "../strings.ts";
import { AskingApi } from "./api.ts";
import { AskingPage } from "./page.ts";

const root = document.getElementById("app") ?? document.body.appendChild(document.createElement("div"));
document.documentElement.lang = LANGUAGE;
new AskingPage(root, new AskingApi(location.pathname.replace(/\/+$/, ""))).start();
