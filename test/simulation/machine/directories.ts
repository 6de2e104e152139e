import { join } from 'node:path';
import { isVolatile, realFiles } from './storage.ts';

/** Files by their names. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** The files of a directory that a disk would have. */
export function readDirectory(directory: string): Files {
  const names = realFiles.readdirSync(directory).filter((name) => !isVolatile(name));
  return new Map(names.map((name) => [name, realFiles.readFileSync(join(directory, name))]));
}

/** Makes the directory anew, with these files and no others. */
export function fillDirectory(directory: string, files: Files): void {
  realFiles.rmSync(directory, { recursive: true, force: true });
  realFiles.mkdirSync(directory, { recursive: true });
  for (const [name, content] of files) {
    realFiles.writeFileSync(join(directory, name), content, { mode: 0o600 });
  }
}
