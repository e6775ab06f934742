// The main way through the viewer in a stock Firefox, over WebDriver BiDi: code, image, keys, presets, document.
// Prints what the screen says, one JSON object.
import { withFirefox } from "./firefox-browser.mjs";

const [executablePath, address, code] = process.argv.slice(2);
await withFirefox(executablePath, async (page) => {
  await page.setViewport({ width: 1280, height: 720 });
  const problems = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(address, { waitUntil: "domcontentloaded" }).catch(() => undefined); // it stops itself over HTTP
  await page.waitForSelector(".code-input");
  await page.keyboard.type(code);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".viewport[data-shown]");
  const text = (selector) => page.$eval(selector, (element) => element.textContent);
  const shown = (index) =>
    page.waitForFunction(
      (i) => document.querySelector(".viewport").dataset.shown.split(":")[1] === String(i),
      {},
      index,
    );
  await page.evaluate(() => {
    const title = [...document.querySelectorAll(".item-title")].find(
      (e) => e.textContent === "Thorax 2.5 mm",
    );
    title.closest("button").click();
    document.querySelector(".viewport").focus();
  });
  await page.keyboard.press("Home");
  await shown(0);
  await page.keyboard.press("ArrowDown");
  await shown(1);
  const position = await text(".corner-bl");
  await page.keyboard.press("5");
  await page.waitForFunction(() => document.querySelector(".corner-br").textContent.includes("W 80"));
  const values = await page.$eval(".viewport-canvas", (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(data).size;
  });
  await page.waitForSelector(".signature.valid");
  await page.click(".item.document");
  await page.waitForSelector(".document-pane iframe, .document-pane pre, .document-pane p");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  const signature = await text(".signature");
  console.log(JSON.stringify({ position, values, signature, banner: await text(".banner"), problems }));
});
