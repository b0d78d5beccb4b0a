// A folder for the programs of one test.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that is there as long as its scope. */
export class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "troupe-test-"));

  /** Writes a file, and returns its path. */
  write(name: string, text: string): string {
    const path = join(this.path, name);
    writeFileSync(path, text);
    return path;
  }

  [Symbol.dispose](): void {
    // A killed browser may write for a moment longer.
    rmSync(this.path, { recursive: true, force: true, maxRetries: 10 });
  }
}
