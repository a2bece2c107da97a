import { type Browser, chromium, type Page } from "playwright-core";
import { extname, join } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Pages of a folder in a browser without a window. */
export class Pages implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(browser: Browser, server: Deno.HttpServer<Deno.NetAddr>) {
    this.#browser = browser;
    this.#server = server;
  }

  /**
   * Starts a browser and a server of files.
   *
   * @param program The browser.
   * @param folder The folder of the files.
   */
  static async open(program: string, folder: string): Promise<Pages> {
    const browser = await chromium.launch({ executablePath: program });
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      async (request) => {
        const path = decodeURIComponent(new URL(request.url).pathname);
        const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
        const bytes = await Deno.readFile(file).catch(() => undefined);
        if (!bytes) return new Response("not found", { status: 404 });
        const type = types[extname(file)] ?? "application/octet-stream";
        return new Response(bytes, { headers: { "content-type": type } });
      },
    );
    return new Pages(browser, server);
  }

  /**
   * Opens a page.
   *
   * @param path The path of the page in the folder.
   * @param use Uses the page. A script error of the page is an error.
   * @param options The color scheme and the width of the window.
   */
  async visit<T>(
    path: string,
    use: (page: Page) => Promise<T>,
    { dark = false, width = 1000 }: { dark?: boolean; width?: number } = {},
  ): Promise<T> {
    const page = await this.#browser.newPage({
      colorScheme: dark ? "dark" : "light",
      viewport: { width, height: 760 },
    });
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("requestfailed", (request) => problems.push(`${request.url()} was not loaded`));
    page.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (/^https?:$/.test(protocol) && hostname !== "127.0.0.1") {
        problems.push(`the page loads ${request.url()}`);
      }
    });
    try {
      const { port } = this.#server.addr;
      await page.goto(`http://127.0.0.1:${port}/${path}`);
      const result = await use(page);
      if (problems.length > 0) throw new Error(problems.join("; "));
      return result;
    } catch (error) {
      throw problems.length > 0 ? new Error(problems.join("; "), { cause: error }) : error;
    } finally {
      await page.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.#server.shutdown();
  }
}
