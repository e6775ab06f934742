/** The exchange's page for a recipient: mail code, access code, then the viewer over Range requests. */
import { openRange } from "../boot/index.ts";

void openRange;
