// Opens a probe package in a stock Firefox over WebDriver BiDi and prints the size of each series' first image.
import { withFirefox } from "./firefox-browser.mjs";

const [executablePath, address, code] = process.argv.slice(2);
await withFirefox(executablePath, async (page) => {
  await page.goto(address, { waitUntil: "domcontentloaded" });
  const sizes = await page.evaluate(async (typed) => {
    const { probe } = globalThis;
    const opened = await probe.unlock(typed);
    if (opened.error) throw new Error(opened.message);
    const shown = [];
    for (const { entry } of probe.instances()) {
      const frame = await probe.frame(entry, 0);
      shown.push(frame.error ?? `${frame.columns}x${frame.rows}`);
    }
    const { signature } = await probe.outcome();
    if (signature !== "valid") throw new Error(`signature ${signature}`);
    return shown;
  }, code);
  console.log(sizes.join("\n"));
});
