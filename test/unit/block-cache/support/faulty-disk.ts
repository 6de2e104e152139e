import { copyFileSync, existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BlockingLogSync } from '../../../../server/store/log-sync.ts';

const logs = ['-wal', '-intents', '-intents2'];
/** What a disk writes whole or not at all. */
const sectorBytes = 512;

/** A disk that knows what of the logs was synced, and shows what a power cut may leave of the rest. */
export class FaultyDisk extends BlockingLogSync {
  readonly #stable = new Map<string, Buffer>();

  override begin(files: readonly number[]): void {
    super.begin(files);
    for (const file of files) {
      const path = readlinkSync(`/proc/self/fd/${file}`);
      this.#stable.set(path, readFileSync(path));
    }
  }

  override writeAtOnce(file: number, written: Uint8Array, offset: number): boolean {
    const isDone = super.writeAtOnce(file, written, offset);
    const path = readlinkSync(`/proc/self/fd/${file}`);
    const known = this.#stable.get(path) ?? Buffer.alloc(0);
    const stable = Buffer.alloc(Math.max(known.length, offset + written.length));
    stable.set(known);
    stable.set(written, offset);
    this.#stable.set(path, stable);
    return isDone;
  }

  /**
   * Copies the files of a database that has not been checkpointed since it was opened, as a power cut
   * leaves them: of what was not synced, each sector is there or not, in any order.
   * @param isThere draws whether a sector is
   * @returns the path of the copy in `directory`
   */
  cut(path: string, directory: string, isThere: () => boolean): string {
    const copy = join(directory, 'cut.dafs');
    copyFileSync(path, copy);
    for (const log of logs) {
      if (existsSync(path + log)) {
        const stable = this.#stable.get(path + log) ?? Buffer.alloc(0);
        writeFileSync(copy + log, mixed(stable, readFileSync(path + log), isThere));
      }
    }
    return copy;
  }
}

function mixed(stable: Buffer, written: Buffer, isThere: () => boolean): Buffer {
  const result = Buffer.alloc(isThere() ? written.length : stable.length);
  result.set(stable.subarray(0, result.length));
  for (let at = 0; at < result.length; at += sectorBytes) {
    const sector = written.subarray(at, Math.min(at + sectorBytes, result.length));
    if (!sector.equals(result.subarray(at, at + sector.length)) && isThere()) {
      result.set(sector, at);
    }
  }
  return result;
}
