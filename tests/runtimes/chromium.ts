// A real browser: Debian's Chromium, which `apt-get install chromium` brings.

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const executablePath = "/usr/bin/chromium";

/** Why a test that needs Chromium cannot run here; `undefined` where it can. */
export const noChromium: string | undefined = existsSync(executablePath)
  ? undefined
  : `there is no ${executablePath}`;

/** Starts Chromium, without a window. */
export function launchChromium(): Promise<Browser> {
  // As root, as in a container, its own sandbox does not work.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}
