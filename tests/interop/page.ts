import type { Page } from "playwright-core";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { loadModel } from "../../model.ts";
import { exportModel } from "../../src/model/export_model.ts";
import { Pages } from "./browser.ts";
import { type Comparison, distanceText, linkModules, type Trained } from "./comparisons.ts";
import type { Programs } from "./programs.ts";

const example = fileURLToPath(new URL("../../examples/browser/", import.meta.url));

/** What the page says of a drawing. */
interface Said {
  readonly pixels: readonly number[];
  readonly answers: readonly {
    readonly probabilities: readonly number[];
    readonly milliseconds: number;
  }[];
}

/**
 * Returns the comparisons of the page in `examples/browser/` (its README.md has the commands) with `loadModel()`.
 *
 * @param folder The folder for the page with its exports.
 * @param subjects The trained subjects; the page shows the nets of `wide-resnet`.
 * @param programs The other programs.
 * @param screenshots The folder for screenshots; by default, none are written.
 */
export function pageComparisons(
  folder: string,
  subjects: readonly Trained[],
  programs: Programs,
  screenshots: string | undefined,
): Comparison[] {
  const to = join(folder, "page"), { out } = subjects.find(({ name }) => name === "wide-resnet")!;
  const nets = ["light", "booster"] as const;
  let made: Promise<void> | undefined;
  const make = async () => {
    await Deno.mkdir(to);
    for (const file of ["index.html", "page.js", "style.css"]) {
      await Deno.copyFile(join(example, file), join(to, file));
    }
    for (const net of nets) await exportModel(out, join(to, net), { net });
    await linkModules(to, programs.node!);
  };
  const forms = [
    { name: "light", dark: false, width: 1000 },
    { name: "dark", dark: true, width: 1000 },
    { name: "narrow", dark: true, width: 390 },
  ];
  return forms.map(({ name, dark, width }) => ({
    name: `examples/browser in Chromium: ${name}`,
    needs: ["node", "chromium"],
    async run() {
      await (made ??= make());
      await using pages = await Pages.open(programs.chromium!, to);
      return await pages.visit("", async (page) => {
        await page.waitForFunction(
          "/Draw with/.test(document.getElementById('status').textContent)",
        );
        const said = await drawSeven(page);
        if (screenshots !== undefined) {
          await page.screenshot({
            path: join(screenshots, `page-${name}.png`),
            fullPage: true,
          });
        }
        await checkLayout(page, dark);
        let far = 0;
        for (const [index, net] of nets.entries()) {
          await using model = await loadModel(join(to, net));
          const { answers, probabilities } = await model.predict([{ image: said.pixels }]);
          const { probabilities: shown, milliseconds } = said.answers[index]!;
          far = Math.max(far, ...shown.map((one, at) => Math.abs(one - probabilities![at]!)));
          const text = await page.textContent(`#${net} output`);
          if (text !== String(answers[0]!.prediction)) throw new Error(`${net} shows ${text}`);
          const bars = await page.evaluate<number[]>(
            `[...document.querySelectorAll("#${net} .bar")].map((bar) =>
              bar.firstChild.clientWidth / bar.clientWidth
            )`,
          );
          const cut = bars.findIndex((bar, at) => !(Math.abs(bar - shown[at]!) < 0.02));
          if (cut >= 0 || bars.length !== 10) throw new Error(`a bar of ${net} has ${bars[cut]}`);
          const time = await page.textContent(`#${net} .time b`);
          if (time !== milliseconds.toFixed(2)) throw new Error(`${net} shows ${time} ms`);
        }
        const text = distanceText(far);
        await page.click("#clear");
        await page.waitForFunction("document.querySelector('#light output').textContent === '–'");
        return text;
      }, { dark, width });
    },
  }));
}

/** Draws a seven with the mouse. */
async function drawSeven(page: Page): Promise<Said> {
  const box = (await page.locator("#drawing").boundingBox())!;
  const at = (x: number, y: number) => [box.x + x * box.width, box.y + y * box.height] as const;
  await page.evaluate(`document.addEventListener("answered", ({ detail: { pixels, answers } }) => {
    globalThis.said = { pixels: [...pixels], answers };
  })`);
  await page.mouse.move(...at(0.25, 0.2));
  await page.mouse.down();
  for (const [x, y] of [[0.75, 0.2], [0.6, 0.5], [0.45, 0.85]] as const) {
    await page.mouse.move(...at(x, y), { steps: 6 });
  }
  await page.evaluate("globalThis.said = undefined");
  await page.mouse.up();
  await page.waitForFunction("globalThis.said");
  const said = await page.evaluate<Said>("said");
  const ink = said.pixels.reduce((sum, count) => sum + count, 0);
  if (said.pixels.length !== 64 || ink < 60) throw new Error(`the nets see ${said.pixels}`);
  return said;
}

/** Checks that nothing is cut off, and that texts contrast with what is behind them. */
async function checkLayout(page: Page, dark: boolean): Promise<void> {
  const { wide, contrasts, brightness } = await page.evaluate<
    { wide: boolean; contrasts: [string, number][]; brightness: number }
  >(`(() => {
    const brightnessOf = (color) => {
      const context = new OffscreenCanvas(1, 1).getContext("2d");
      context.fillStyle = color;
      context.fillRect(0, 0, 1, 1);
      const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((value) =>
        value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4
      );
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      const { backgroundColor } = getComputedStyle(element);
      return backgroundColor === "rgba(0, 0, 0, 0)" ? behind(element.parentElement) : backgroundColor;
    };
    const contrasts = ["h1", "header p", "h2", ".facts", ".sure", "output", ".time", "button"].map(
      (selector) => {
        const element = document.querySelector(selector);
        const [low, high] = [getComputedStyle(element).color, behind(element)].map(brightnessOf)
          .sort((a, b) => a - b);
        return [selector, (high + 0.05) / (low + 0.05)];
      },
    );
    const { scrollWidth, clientWidth } = document.documentElement;
    return {
      wide: scrollWidth > clientWidth,
      contrasts,
      brightness: brightnessOf(getComputedStyle(document.body).backgroundColor),
    };
  })()`);
  if (wide) throw new Error("the page is wider than the window");
  if (dark !== brightness < 0.2) throw new Error("the page ignores the color scheme");
  const low = contrasts.find(([, contrast]) => !(contrast >= 4.5));
  if (low) throw new Error(`the contrast of ${low[0]} is ${low[1].toFixed(1)}`);
}
