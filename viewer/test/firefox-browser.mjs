// A stock Firefox over WebDriver BiDi. Under automation Firefox lets file:// pages read everything; the
// preference puts the real rule back.
import puppeteer from "puppeteer-core";

/** Runs `work` with a page of the browser, and closes the browser in any case. */
export async function withFirefox(executablePath, work) {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    extraPrefsFirefox: { "security.fileuri.strict_origin_policy": true },
  });
  try {
    await work(await browser.newPage());
  } finally {
    await browser.close();
  }
}
