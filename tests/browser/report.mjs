// The report in a browser: nothing is logged, nothing is fetched, and no page is wider than its window.
//   node report.mjs REPORT.html SCREENSHOTS
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [report, screenshots] = process.argv.slice(2);
const address = pathToFileURL(resolve(report)).href;
mkdirSync(screenshots, { recursive: true });

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const faults = [];
for (const [name, width, scheme] of [["wide", 1280, "light"], ["narrow", 390, "light"], ["dark", 1280, "dark"]]) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
  const page = await context.newPage();
  page.on("console", (message) => faults.push(`${name}: console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`${name}: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== address) faults.push(`${name}: fetches ${request.url()}`);
  });
  await page.goto(address);
  await page.evaluate(() => document.querySelectorAll("details").forEach((it) => (it.open = true)));
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (over > 0) faults.push(`${name}: ${over} pixels wider than the window`);
  const broken = await page.evaluate(() =>
    [...document.querySelectorAll("nav a")].filter((it) => !document.querySelector(it.hash)).map((it) => it.hash));
  faults.push(...broken.map((hash) => `${name}: no section ${hash}`));
  const [paper, ink] = await page.evaluate(() => {
    const style = getComputedStyle(document.body);
    return [style.backgroundColor, style.color].map((it) => Number(it.match(/\d+/)[0]));
  });
  if (paper < ink !== (scheme === "dark")) faults.push(`${name}: colours are not ${scheme}`);
  await page.evaluate(() => document.querySelectorAll("details").forEach((it) => (it.open = false)));
  await page.screenshot({ path: `${screenshots}/${name}.png` });
  await context.close();
}
await browser.close();
faults.forEach((fault) => console.error(fault));
console.log(faults.length === 0 ? "report.html: wide, narrow and dark are in order" : `${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
