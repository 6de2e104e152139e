/**
 * One phase of the life of many small files: makes them, looks at them, reads, renames or removes them,
 * one after the other; or many read them at once.
 */
import * as fs from 'node:fs';
import { measured, ownRequest, tell } from './own-program.ts';
import type { SmallFilesPhase, SmallFilesWork } from './small-files.ts';

const { work, servers } = ownRequest<SmallFilesWork>();
const { phase, directory, files, lanes } = work;

const CONTENT = Buffer.alloc(1024, 'x');
const pathOf = (index: number): string => `${directory}/file ${index}`;
const laterPathOf = (index: number): string => `${directory}/renamed ${index}`;

function forEachFile(act: (index: number) => void): void {
  for (let index = 0; index < files; index += 1) act(index);
}

function create(index: number): void {
  const fd = fs.openSync(pathOf(index), 'wx');
  fs.writeSync(fd, CONTENT);
  fs.closeSync(fd);
}

function list(lookAt: (name: string) => void): void {
  const entries = fs.opendirSync(directory, { bufferSize: 256 });
  let seen = 0;
  for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
    lookAt(entry.name);
    seen += 1;
  }
  entries.closeSync();
  if (seen !== files) throw new Error(`${seen} names of ${files} files`);
}

function readFile(path: string): void {
  if (fs.readFileSync(path).length !== CONTENT.length) throw new Error(`${path} is cut short`);
}

/** Every reader reads all files, each beginning elsewhere. */
async function storm(): Promise<void> {
  const readers = Array.from({ length: lanes }, async (_, lane) => {
    for (let turn = 0; turn < files; turn += 1) {
      const index = (turn + Math.floor((lane * files) / lanes)) % files;
      const content = await fs.promises.readFile(pathOf(index));
      if (content.length !== CONTENT.length) throw new Error(`${pathOf(index)} is cut short`);
    }
  });
  await Promise.all(readers);
}

const phases: Readonly<Record<SmallFilesPhase, () => void | Promise<void>>> = {
  create: () => forEachFile(create),
  stat: () => forEachFile((index) => fs.lstatSync(pathOf(index))),
  names: () => list(() => undefined),
  attributes: () => list((name) => fs.lstatSync(`${directory}/${name}`)),
  read: () => forEachFile((index) => readFile(pathOf(index))),
  storm,
  rename: () => forEachFile((index) => fs.renameSync(pathOf(index), laterPathOf(index))),
  unlink: () => forEachFile((index) => fs.unlinkSync(laterPathOf(index))),
};

if (phase === 'create') fs.mkdirSync(directory);
const took = await measured(servers, phases[phase]);
if (phase === 'unlink') fs.rmdirSync(directory);
tell({ operations: files * (phase === 'storm' ? lanes : 1), bytes: 0, ...took });
